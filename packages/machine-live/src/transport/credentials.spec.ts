import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNatsServer } from '../../../nats-embedded/test/brokers.js';
import { type BusOptions, connectBus } from './bus.js';

const SECRET = 's3cret-of-the-spec';
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kmemlab-credentials-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** What comes of connecting to a server with this configuration, and saying something to oneself. */
async function outcomes(
  args: readonly string[],
  attempts: readonly Partial<BusOptions>[],
  scheme = 'nats',
  host = '127.0.0.1',
): Promise<string[]> {
  const server = await startNatsServer(args);
  const url = `${scheme}://${host}:${server.port}`;
  try {
    return await Promise.all(
      attempts.map(async (access) => {
        try {
          const bus = await connectBus({ url, name: 'a spec', timeoutMs: 10_000, ...access });
          const heard = new Promise<string>((resolve) => bus.subscribe('x', (data) => resolve(`${Buffer.from(data)}`)));
          bus.publish('x', Buffer.from('heard'));
          const answer = await heard;
          await bus.close();
          return answer;
        } catch (error) {
          return String(error).replace(url, 'URL');
        }
      }),
    );
  } finally {
    await server.close();
  }
}

const configured = (name: string, lines: readonly string[]) => ['-c', file(name, lines.join('\n'))];

describe('a server that asks for a user and a password', () => {
  it('takes the right ones, and turns away all others in one line that shows no secret', async () => {
    const args = configured('users.conf', [`authorization { users: [{ user: "me", password: "${SECRET}" }] }`]);
    const tried = await outcomes(args, [
      { user: 'me', pass: SECRET },
      { user: 'me', pass: `${SECRET}x` },
      { user: 'me' },
      { token: SECRET },
      {},
    ]);
    expect(tried).toEqual([
      'heard',
      'BusError: URL: the server does not accept the user and password',
      'BusError: URL: the server does not accept the user and password',
      'BusError: URL: the server does not accept the token',
      'BusError: URL: the server asks for a token, or for other credentials',
    ]);
  });
});

describe('a server that asks for an nkey', () => {
  it('takes the one it knows, from a file', async () => {
    const [known, other] = [nkeys.createUser(), nkeys.createUser()];
    const seedFile = (name: string, key: typeof known) => file(name, `${Buffer.from(key.getSeed())}\n`);
    const args = configured('nkey.conf', [`authorization { users: [{ nkey: ${known.getPublicKey()} }] }`]);
    const strange = seedFile('strange.nk', other);
    const nonsense = file('nonsense', 'not a seed');
    const tried = await outcomes(args, [
      { nkeyFile: seedFile('known.nk', known) },
      { nkeyFile: strange },
      { nkeyFile: nonsense },
      { credsFile: nonsense },
      { credsFile: join(directory, 'missing') },
    ]);
    expect(tried).toEqual([
      'heard',
      `BusError: URL: the server does not accept the nkey in ${strange}`,
      `BusError: URL: ${nonsense} holds no seed of an nkey`,
      `BusError: URL: ${nonsense} holds no credentials`,
      `BusError: URL: the file with credentials, ${join(directory, 'missing')}, cannot be read (ENOENT)`,
    ]);
  });
});

describe('a server that speaks TLS', () => {
  function certificate(name: string, host = 'IP:127.0.0.1'): { readonly cert: string; readonly key: string } {
    const [cert, key] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
    const subject = ['-subj', '/CN=kmemlab', '-addext', `subjectAltName=${host}`, '-days', '2'];
    const how = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', [...how, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { cert, key };
  }

  it('is trusted if its certificate is signed by the CA that is named', async () => {
    const [own, other] = [certificate('own'), certificate('other')];
    const args = ['--tls', '--tlscert', own.cert, '--tlskey', own.key, '--user', 'me', '--pass', SECRET];
    const me = { user: 'me', pass: SECRET };
    const tried = await outcomes(
      args,
      [
        { ...me, caFile: own.cert },
        { ...me, caFile: own.cert, pass: 'wrong' },
        { ...me, caFile: other.cert },
        me,
        { ...me, caFile: join(directory, 'missing') },
      ],
      'tls',
    );
    const distrusted = expect.stringMatching(/^BusError: URL: the server's certificate is not trusted \([^\n]+\)$/);
    expect(tried).toEqual([
      'heard',
      'BusError: URL: the server does not accept the user and password',
      distrusted,
      distrusted,
      `BusError: URL: the file with the CA, ${join(directory, 'missing')}, cannot be read (ENOENT)`,
    ]);
    expect(await outcomes(args, [{ ...me, caFile: own.cert }, me])).toEqual(['heard', distrusted]);
  });

  it('is trusted under its own name only', async () => {
    const elsewhere = certificate('elsewhere', 'DNS:localhost');
    const args = ['--tls', '--tlscert', elsewhere.cert, '--tlskey', elsewhere.key, '--auth', SECRET];
    const access = { token: SECRET, caFile: elsewhere.cert };
    expect(await outcomes(args, [access])).toEqual([expect.stringMatching(/ is not trusted \(.*127\.0\.0\.1/)]);
    expect(await outcomes(args, [access], 'tls', 'localhost')).toEqual(['heard']);
  });

  it('is asked for by tls://, so that nothing is said to one that does not', async () => {
    expect(await outcomes(['--auth', SECRET], [{ token: SECRET }], 'tls')).toEqual([
      'BusError: URL: the server does not speak TLS',
    ]);
  });
});
