import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { givenBroker } from './given.js';
import { credentialsOf } from './types.js';

describe('givenBroker', () => {
  it.each([
    ['nats://lab.example:4333', { url: 'nats://lab.example:4333' }],
    ['lab.example', { url: 'nats://lab.example:4222' }],
    ['127.0.0.1:5000', { url: 'nats://127.0.0.1:5000' }],
    ['nats://[::1]:5000', { url: 'nats://[::1]:5000' }],
    ['nats://s3cret@lab.example', { url: 'nats://lab.example:4222', token: 's3cret' }],
    ['nats://me:p%40ss@lab.example', { url: 'nats://lab.example:4222', user: 'me', pass: 'p@ss' }],
  ])('takes %s', (url, expected) => {
    const { kind, describe: line, close: _, ...rest } = givenBroker(url, {});
    expect(kind).toBe('given');
    expect(rest).toEqual(expected);
    expect(line).toBe(`NATS server ${expected.url}`);
  });

  it('refuses credentials that are not escaped', () => {
    expect(() => givenBroker('nats://a%zz:b@host', {})).toThrow(/^the NATS server's URL has a % in its credentials/);
  });

  it('takes the token from the environment unless the URL has credentials', () => {
    const env = { KMEMLAB_NATS_TOKEN: 'from the environment' };
    expect(givenBroker('nats://a', env)).toMatchObject({ token: 'from the environment' });
    expect(givenBroker('nats://mine@a', env)).toMatchObject({ token: 'mine' });
    expect(givenBroker('nats://me:pw@a', env)).not.toHaveProperty('token');
  });

  it('takes from the environment the first kind that is set, and the certificates to trust', () => {
    const all = {
      KMEMLAB_NATS_CREDS: '/run/me.creds',
      KMEMLAB_NATS_NKEY: '/run/me.nk',
      KMEMLAB_NATS_USER: 'me',
      KMEMLAB_NATS_PASSWORD: 'p@ss',
      KMEMLAB_NATS_TOKEN: 'token',
    };
    const without = (...names: (keyof typeof all)[]) => ({ ...all, ...Object.fromEntries(names.map((n) => [n, ''])) });
    const shown = (url: string, env: Readonly<Record<string, string>>) => credentialsOf(givenBroker(url, env));
    expect(shown('nats://a', all)).toEqual({ credsFile: '/run/me.creds' });
    expect(shown('nats://a', without('KMEMLAB_NATS_CREDS'))).toEqual({ nkeyFile: '/run/me.nk' });
    expect(shown('nats://a', without('KMEMLAB_NATS_CREDS', 'KMEMLAB_NATS_NKEY'))).toEqual({ user: 'me', pass: 'p@ss' });
    const ca = { KMEMLAB_NATS_CA: 'ca.pem' };
    expect(shown('tls://mine@a', { ...all, ...ca })).toEqual({ token: 'mine', caFile: resolve('ca.pem') });
    expect(shown('tls://a', ca)).toEqual({ caFile: resolve('ca.pem') });
  });

  it.each(['http://lab.example', 'nats://', 'nats://a:b:c:d', ''])('refuses %j', (url) => {
    expect(() => givenBroker(url, {})).toThrow("is not a NATS server's URL; write nats://HOST:PORT");
  });

  it('does not repeat a secret', () => {
    expect(() => givenBroker('http://me:s3cret@lab.example', {})).toThrow(/^(?!.*s3cret)/);
  });
});
