import { resolve } from 'node:path';
import { InputProblem } from '../input-problem.js';
import type { Broker, Credentials, Environment } from './types.js';

const DEFAULT_PORT = 4222;
const SCHEMES = ['nats:', 'tls:'];

/**
 * The server that the user named. Credentials come from the URL (`user:pass@` or `token@`) or else from the environment:
 * KMEMLAB_NATS_CREDS or KMEMLAB_NATS_NKEY (paths of files), KMEMLAB_NATS_USER and KMEMLAB_NATS_PASSWORD, or
 * KMEMLAB_NATS_TOKEN. They are taken out of the URL, where messages would show them. KMEMLAB_NATS_CA is the path of the
 * certificates to trust.
 */
export function givenBroker(url: string, env: Environment): Broker {
  const parsed = parse(url);
  const server = `${parsed.protocol}//${parsed.hostname}:${parsed.port || DEFAULT_PORT}`;
  return {
    kind: 'given',
    url: server,
    ...credentials(parsed, env),
    describe: `NATS server ${server}`,
    async close() {},
  };
}

function parse(url: string): URL {
  const text = url.includes('://') ? url : `nats://${url}`;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || parsed.hostname === '' || !SCHEMES.includes(parsed.protocol))
    throw new InputProblem(`${JSON.stringify(withoutSecrets(url))} is not a NATS server's URL; write nats://HOST:PORT`);
  return parsed;
}

const withoutSecrets = (url: string): string => url.replace(/^(.*:\/\/)?.*@/, '$1');

function credentials(url: URL, env: Environment): Credentials {
  const caFile = env.KMEMLAB_NATS_CA;
  return { ...(inUrl(url) ?? inEnvironment(env)), ...(caFile && { caFile: resolve(caFile) }) };
}

function inUrl({ username, password }: URL): Credentials | undefined {
  const user = decoded(username);
  if (password !== '') return { user, pass: decoded(password) };
  return user === '' ? undefined : { token: user };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InputProblem("the NATS server's URL has a % in its credentials that begins no %XX; write %25 for it");
  }
}

/** The first kind that is set. */
function inEnvironment(env: Environment): Credentials {
  const {
    KMEMLAB_NATS_CREDS: creds,
    KMEMLAB_NATS_NKEY: nkey,
    KMEMLAB_NATS_USER: user,
    KMEMLAB_NATS_TOKEN: token,
  } = env;
  if (creds) return { credsFile: resolve(creds) };
  if (nkey) return { nkeyFile: resolve(nkey) };
  if (user) return { user, pass: env.KMEMLAB_NATS_PASSWORD ?? '' };
  return token ? { token } : {};
}
