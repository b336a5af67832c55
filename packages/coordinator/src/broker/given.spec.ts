import { describe, expect, it } from 'vitest';
import { givenBroker } from './given.js';

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

  it('takes the token from the environment unless the URL has credentials', () => {
    const env = { KMEMLAB_NATS_TOKEN: 'from the environment' };
    expect(givenBroker('nats://a', env)).toMatchObject({ token: 'from the environment' });
    expect(givenBroker('nats://mine@a', env)).toMatchObject({ token: 'mine' });
    expect(givenBroker('nats://me:pw@a', env)).not.toHaveProperty('token');
  });

  it.each(['http://lab.example', 'nats://', 'nats://a:b:c:d', ''])('refuses %j', (url) => {
    expect(() => givenBroker(url, {})).toThrow("is not a NATS server's URL; write nats://HOST:PORT");
  });

  it('does not repeat a secret', () => {
    expect(() => givenBroker('http://me:s3cret@lab.example', {})).toThrow(/^(?!.*s3cret)/);
  });
});
