import { InputProblem } from '../input-problem.js';
import type { Broker, Credentials, Environment } from './types.js';

const DEFAULT_PORT = 4222;
const SCHEMES = ['nats:', 'tls:'];

/**
 * The server that the user named. Credentials come from the URL (`user:pass@` or `token@`) or else from
 * KMEMLAB_NATS_TOKEN, and are taken out of the URL, where the client would ignore them and messages would show them.
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
  const user = decodeURIComponent(url.username);
  if (url.password !== '') return { user, pass: decodeURIComponent(url.password) };
  const token = user || env.KMEMLAB_NATS_TOKEN;
  return token ? { token } : {};
}
