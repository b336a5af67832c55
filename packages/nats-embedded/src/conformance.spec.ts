import { ErrorCode, headers, type Msg, type NatsConnection, type NatsError } from 'nats';
import { describe, expect, it } from 'vitest';
import { brokers } from '../test/brokers.js';
import { useClients } from '../test/clients.js';

const text = (message: Msg): string => Buffer.from(message.data).toString();
const codeOf = (error: unknown): string => (error as NatsError).code;

/** Collects what arrives; `count` resolves with the first n. */
function collect(connection: NatsConnection, subject: string, options: { queue?: string; max?: number } = {}) {
  const got: Msg[] = [];
  let wake = () => {};
  const subscription = connection.subscribe(subject, {
    ...options,
    callback: (error, message) => {
      if (error === null) got.push(message);
      wake();
    },
  });
  const count = async (n: number): Promise<Msg[]> => {
    while (got.length < n) await new Promise<void>((resolve) => (wake = resolve));
    return got;
  };
  return { got, subscription, count };
}

describe.each(brokers)('$name', ({ start }) => {
  const { broker, client, raw, greeted } = useClients(start);

  it('delivers in the order of publishing, to everyone who subscribed', async () => {
    const [a, b, c] = [await client(), await client(), await client()];
    const [atB, atC, atSelf] = [collect(b, 'order'), collect(c, 'order'), collect(a, 'order')];
    await Promise.all([a.flush(), b.flush(), c.flush()]);
    for (let n = 0; n < 500; n++) a.publish('order', `${n}`);
    const expected = Array.from({ length: 500 }, (_, n) => `${n}`);
    for (const at of [atB, atC, atSelf]) expect((await at.count(500)).map(text)).toEqual(expected);
  });

  it('delivers nothing to a subject nobody asked for, and nothing back to a client that wants no echo', async () => {
    const [a, b] = [await client({ noEcho: true }), await client()];
    const [atA, atB] = [collect(a, 'echo'), collect(b, 'echo')];
    await Promise.all([a.flush(), b.flush()]);
    a.publish('echo', 'from a');
    a.publish('ech', 'nobody');
    b.publish('echo', 'from b');
    expect((await atB.count(2)).map(text).sort()).toEqual(['from a', 'from b']);
    expect((await atA.count(1)).map(text)).toEqual(['from b']);
    await a.flush();
    expect(atA.got).toHaveLength(1);
  });

  it('matches wildcards', async () => {
    const a = await client();
    const patterns = ['w.>', 'w.*', 'w.*.c', 'w.b', '*.b', '>', '*.*.*', 'w.b.>'];
    const subjects = ['w', 'w.b', 'w.b.c', 'w.b.d', 'x.b', 'w.b.c.d'];
    const got = patterns.map((pattern) => ({ pattern, at: collect(a, pattern) }));
    await a.flush();
    for (const subject of subjects) a.publish(subject);
    await a.flush();
    const own = (message: Msg) => subjects.includes(message.subject);
    const bySubject = got.map(({ pattern, at }) => [pattern, at.got.filter(own).map(({ subject }) => subject)]);
    expect(Object.fromEntries(bySubject)).toEqual({
      'w.>': ['w.b', 'w.b.c', 'w.b.d', 'w.b.c.d'],
      'w.*': ['w.b'],
      'w.*.c': ['w.b.c'],
      'w.b': ['w.b'],
      '*.b': ['w.b', 'x.b'],
      '>': subjects,
      '*.*.*': ['w.b.c', 'w.b.d'],
      'w.b.>': ['w.b.c', 'w.b.d', 'w.b.c.d'],
    });
  });

  it('ends a subscription after its maximum, and at once if that has been reached', async () => {
    const a = await client();
    const three = collect(a, 'max', { max: 3 });
    for (let n = 0; n < 5; n++) a.publish('max', `${n}`);
    await a.flush();
    expect(three.got.map(text)).toEqual(['0', '1', '2']);
    expect(three.subscription.isClosed()).toBe(true);

    const socket = await raw();
    const one = 'PUB m 1\r\nx\r\n';
    const message = 'MSG m 9 1\r\nx\r\n';
    expect(await socket.settled('SUB m 9\r\n', one, one)).toBe(message.repeat(2));
    expect(await socket.settled('UNSUB 9 3\r\n', one, one, one)).toBe(message);
    expect(await socket.settled('SUB m 9\r\n', one, one, 'UNSUB 9 1\r\n', one)).toBe(message.repeat(2));
    expect(await socket.settled('SUB m 9\r\n', one, 'UNSUB 9 1\r\n', one)).toBe(message);
    expect(await socket.settled('SUB m 9\r\n', one, 'UNSUB 9\r\n', one, 'UNSUB 9\r\n')).toBe(message);
  });

  it('gives each message to one member of a queue group, and to every plain subscriber', async () => {
    const [a, b, c] = [await client(), await client(), await client()];
    const members = [
      collect(a, 'work.*', { queue: 'q' }),
      collect(b, 'work.now', { queue: 'q' }),
      collect(c, 'work.now', { queue: 'q' }),
    ];
    const others = [collect(b, 'work.now', { queue: 'other' }), collect(c, 'work.>')];
    await Promise.all([a.flush(), b.flush(), c.flush()]);
    for (let n = 0; n < 300; n++) a.publish('work.now', `${n}`);
    await a.flush();
    await Promise.all([b.flush(), c.flush()]);
    const expected = Array.from({ length: 300 }, (_, n) => n);
    const numbers = (list: readonly Msg[]) => list.map((message) => Number(text(message))).sort((x, y) => x - y);
    expect(numbers(members.flatMap(({ got }) => got))).toEqual(expected);
    for (const { got } of members) expect(got.length).toBeGreaterThan(0);
    for (const { got } of others) expect(numbers(got)).toEqual(expected);
  });

  it('carries requests and replies, a hundred at once', async () => {
    const [a, b] = [await client(), await client()];
    b.subscribe('double', { callback: (_, message) => message.respond(`${2 * Number(text(message))}`) });
    await b.flush();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => a.request('double', `${n}`)));
    expect(answers.map(text)).toEqual(Array.from({ length: 100 }, (_, n) => `${2 * n}`));
    expect(text(await a.request('double', '21', { noMux: true, timeout: 5_000 }))).toBe('42');
  });

  it('answers a request that reaches nobody with 503', async () => {
    const a = await client();
    await expect(a.request('nobody', '', { timeout: 5_000 })).rejects.toMatchObject({ code: ErrorCode.NoResponders });
    const alone = a.request('nobody', '', { noMux: true, timeout: 5_000 });
    await expect(alone).rejects.toMatchObject({ code: ErrorCode.NoResponders });

    const socket = await raw({ headers: true, no_responders: true });
    const answer = 'HMSG inbox 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n';
    expect(await socket.settled('SUB inbox 1\r\nPUB nobody inbox 0\r\n\r\n')).toBe(answer);
    const plain = await raw();
    expect(await plain.settled('SUB inbox 2\r\nPUB nobody inbox 0\r\n\r\n')).toBe('');
    expect(await socket.settled('PUB nobody inbox 0\r\n\r\n')).toBe(answer);
    expect(await plain.settled()).toBe('');
  });

  it('carries headers, and leaves them out for a client that cannot read them', async () => {
    const [a, b] = [await client(), await client()];
    const plain = await raw();
    await plain.settled('SUB head 7\r\n');
    const at = collect(b, 'head');
    await b.flush();
    const sent = headers();
    sent.append('one', '1');
    sent.append('many', 'a');
    sent.append('many', 'b');
    a.publish('head', 'body', { headers: sent, reply: 'back' });
    const [message] = await at.count(1);
    expect(message?.headers?.get('one')).toBe('1');
    expect(message?.headers?.values('many')).toEqual(['a', 'b']);
    expect(message?.reply).toBe('back');
    expect(message && text(message)).toBe('body');
    await plain.until('body');
    expect(await plain.settled()).toBe('MSG head 7 back 4\r\nbody\r\n');
  });

  it('carries any bytes, none at all, and subjects in any script', async () => {
    const [a, b] = [await client(), await client()];
    const at = collect(b, 'any.>');
    await b.flush();
    const all = Uint8Array.from({ length: 256 }, (_, n) => n);
    const tricky = Buffer.from('\r\nMSG x 1 1\r\n-ERR\r\nPING\r\n');
    a.publish('any.bytes', all);
    a.publish('any.none');
    a.publish('any.ключ.鍵', tricky);
    const got = await at.count(3);
    expect(got.map(({ subject }) => subject)).toEqual(['any.bytes', 'any.none', 'any.ключ.鍵']);
    expect(got.map(({ data }) => Buffer.from(data))).toEqual([Buffer.from(all), Buffer.alloc(0), tricky]);
  });

  it('carries a payload of the limit, and ends a client that sends more', async () => {
    const [a, b] = [await client(), await client()];
    const at = collect(b, 'large');
    await b.flush();
    const limit = a.info?.max_payload ?? 0;
    expect(limit).toBe(1024 * 1024);
    const largest = Buffer.alloc(limit, 'largest');
    for (let n = 0; n < 5; n++) a.publish('large', largest);
    for (const { data } of await at.count(5)) expect(largest.equals(data)).toBe(true);
    expect(() => a.publish('large', Buffer.alloc(limit + 1))).toThrowError(
      expect.objectContaining({ code: ErrorCode.MaxPayloadExceeded }),
    );
    const socket = await raw();
    socket.send(`PUB large ${limit + 1}\r\n`);
    await socket.untilClosed();
    expect(socket.received).toBe(`-ERR 'Maximum Payload Violation'\r\n`);
    a.publish('large', 'still here');
    expect((await at.count(6)).map(text).at(-1)).toBe('still here');
  });

  it('turns away a wrong token, no token, and whoever does not connect first', async () => {
    const violation = { code: ErrorCode.AuthorizationViolation };
    await expect(client({ token: 'wrong' })).rejects.toMatchObject(violation);
    await expect(client({ token: `${broker().token}x` })).rejects.toMatchObject(violation);
    await expect(client({ token: undefined })).rejects.toSatisfy((error) =>
      ['AUTHORIZATION_VIOLATION', 'BAD_AUTHENTICATION'].includes(codeOf(error)),
    );
    for (const first of ['PUB a 1\r\nx\r\n', 'SUB > 1\r\n', 'CONNECT {}\r\n', 'CONNECT {"auth_token":""}\r\n']) {
      const socket = greeted();
      await socket.until('INFO ');
      socket.send(first);
      await socket.untilClosed();
      expect(socket.received).toMatch(/^INFO \{.*\} ?\r\n-ERR 'Authorization Violation'\r\n$/);
    }
  });

  it('carries 100,000 small messages in order and loses none', async () => {
    const [a, b] = [await client(), await client()];
    let next = 0;
    let wrong = 0;
    const done = new Promise<void>((resolve) => {
      b.subscribe('many', {
        callback: (_, { data }) => {
          if (Buffer.from(data.buffer, data.byteOffset).readUInt32LE(0) !== next) wrong++;
          if (++next === 100_000) resolve();
        },
      });
    });
    await b.flush();
    for (let n = 0; n < 100_000; n++) {
      const payload = Buffer.alloc(8);
      payload.writeUInt32LE(n);
      a.publish('many', payload);
      if (n % 2_000 === 0) await a.flush();
    }
    await done;
    expect({ next, wrong }).toEqual({ next: 100_000, wrong: 0 });
  });

  it('keeps two clients that talk at the same time apart', async () => {
    const [a, b] = [await client(), await client()];
    const [toA, toB] = [collect(a, 'to.a'), collect(b, 'to.b')];
    await Promise.all([a.flush(), b.flush()]);
    for (let n = 0; n < 5_000; n++) {
      a.publish('to.b', `${n}`);
      b.publish('to.a', `${n}`);
      if (n % 100 === 0) await Promise.race([a.flush(), b.flush()]);
    }
    const expected = Array.from({ length: 5_000 }, (_, n) => `${n}`);
    expect((await toA.count(5_000)).map(text)).toEqual(expected);
    expect((await toB.count(5_000)).map(text)).toEqual(expected);
  });

  it('lets a client drain: what was sent before arrives, then its subscriptions are gone', async () => {
    const [a, b] = [await client(), await client()];
    const at = collect(b, 'drain');
    await b.flush();
    for (let n = 0; n < 1_000; n++) a.publish('drain', `${n}`);
    await a.flush();
    await b.drain();
    expect(at.got).toHaveLength(1_000);
    expect(b.isClosed()).toBe(true);
    await expect(a.request('drain', '', { timeout: 5_000 })).rejects.toMatchObject({ code: ErrorCode.NoResponders });
  });

  it('forgets the subscriptions of a client that closes or is cut off', async () => {
    const a = await client();
    const b = await client();
    b.subscribe('gone.b', { callback: (_, message) => message.respond('here') });
    const socket = await raw();
    await socket.settled('SUB gone.raw 1\r\n');
    await b.flush();
    expect(text(await a.request('gone.b'))).toBe('here');
    await b.close();
    socket.socket.resetAndDestroy();
    await socket.closed;
    for (const subject of ['gone.b', 'gone.raw']) {
      let code = '';
      for (let n = 0; n < 100 && code !== ErrorCode.NoResponders; n++) {
        code = await a.request(subject, '', { timeout: 100 }).then(() => '', codeOf);
      }
      expect(code).toBe(ErrorCode.NoResponders);
    }
  });

  it('says +OK to a verbose client', async () => {
    const socket = greeted();
    await socket.until('INFO ');
    socket.received = '';
    const said = await socket.settled(
      socket.connectLine({ verbose: true }),
      'SUB v 1\r\nPUB v 1\r\nx\r\nUNSUB 1\r\nPONG\r\n',
    );
    expect(said.split('MSG v 1 1\r\nx\r\n').join('')).toBe('+OK\r\n'.repeat(4));
    const verbose = await client({ verbose: true, pedantic: true });
    const at = collect(verbose, 'v');
    verbose.publish('v', 'x');
    expect((await at.count(1)).map(text)).toEqual(['x']);
  });

  it('refuses a subscription to something that is no subject, and keeps the client', async () => {
    const socket = await raw();
    for (const subject of ['a..b', '.a', 'a.', 'a.>.b', '>.a']) {
      expect(await socket.settled(`SUB ${subject} 1\r\n`)).toBe(`-ERR 'Invalid Subject'\r\n`);
    }
    expect(await socket.settled('SUB > 1\r\nPUB a..b 1\r\nx\r\nPUB a 1\r\nx\r\n')).toBe('MSG a 1 1\r\nx\r\n');
  });

  it('keeps the first subscription of an id that is used twice', async () => {
    const socket = await raw();
    const said = await socket.settled('SUB one 5\r\nSUB two 5\r\nPUB two 1\r\nx\r\nPUB one 1\r\ny\r\n');
    expect(said).toBe('MSG one 5 1\r\ny\r\n');
  });
});
