import { createServer, type Server, type Socket } from 'node:net';
import { startEmbeddedBroker } from '@kmemlab/nats-embedded';
import { afterEach, describe, expect, it } from 'vitest';
import { brokers, useBroker } from '../../../nats-embedded/test/brokers.js';
import { type Bus, BusError, type BusOptions, connectBus } from './bus.js';

const open: Bus[] = [];
const servers: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];

async function connect(options: Partial<BusOptions> & { readonly url: string }): Promise<Bus> {
  const bus = await connectBus({ name: 'test', timeoutMs: 10_000, ...options });
  open.push(bus);
  return bus;
}

/** A server that says what it is told to, to each client, when it connects and for each PING. */
async function scripted(greeting: string, pongs: number): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
    let left = pongs;
    socket.on('data', (data) => {
      if (data.includes('PING') && left-- > 0) socket.write('PONG\r\n');
    });
    socket.write(greeting);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({ server, sockets });
  const address = server.address();
  return `nats://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

const reasonOf = (bus: Bus): Promise<string> => new Promise((resolve) => bus.onLost(resolve));
const info = 'INFO {"server_id":"x","version":"2.9.0","proto":1,"max_payload":1000,"headers":true}\r\n';

afterEach(async () => {
  await Promise.all(open.splice(0).map((bus) => bus.close()));
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe.each(brokers)('a bus through $name', ({ start }) => {
  const broker = useBroker(start);

  it('delivers in order, by subject and pattern, until the subscription ends', async () => {
    const [a, b] = [await connect(broker()), await connect(broker())];
    const heard: string[] = [];
    const stop = b.subscribe('one.*', (data, subject) => heard.push(`${subject} ${Buffer.from(data)}`));
    await b.flush();
    for (let n = 0; n < 1_000; n++) a.publish(n % 2 === 0 ? 'one.x' : 'two.x', Buffer.from(`${n}`));
    await a.flush();
    await b.flush();
    expect(heard).toEqual(Array.from({ length: 500 }, (_, n) => `one.x ${2 * n}`));
    stop();
    a.publish('one.x', Buffer.from('after'));
    await a.flush();
    await b.flush();
    expect(heard).toHaveLength(500);
  });

  it('says who asked nobody, and only that one', async () => {
    const [a, b] = [await connect(broker()), await connect(broker())];
    const heard: string[] = [];
    const note = (what: string) => () => heard.push(what);
    a.subscribe('answers.a', note('answer'), note('nobody'));
    a.subscribe('answers.*', note('answer to all'));
    a.publish('question', Buffer.from('?'), 'answers.a');
    await a.flush();
    expect(heard).toEqual(['nobody']);
    b.subscribe('question', () => b.publish('answers.a', Buffer.from('!')));
    await b.flush();
    a.publish('question', Buffer.from('?'), 'answers.a');
    await a.flush();
    await b.flush();
    await a.flush();
    expect(heard).toEqual(['nobody', 'answer', 'answer to all']);
  });

  it('gives each message that is shared to one of the group, until it leaves: then what is on its way, and no more', async () => {
    const [a, b, sender] = [await connect(broker()), await connect(broker()), await connect(broker())];
    const heard: string[] = [];
    const leave = a.share('turns', 'group', (data) => heard.push(`a ${Buffer.from(data)}`));
    b.share('turns', 'group', (data) => heard.push(`b ${Buffer.from(data)}`));
    await Promise.all([a.flush(), b.flush()]);
    const say = async (from: number, to: number) => {
      for (let n = from; n < to; n++) sender.publish('turns', Buffer.from(`${n}`));
      await sender.flush();
    };
    await say(0, 200);
    await leave();
    const byA = heard.filter((line) => line.startsWith('a '));
    expect(byA.length).toBeGreaterThan(0);
    await say(200, 300);
    await b.flush();
    expect(heard.map((line) => Number(line.slice(2))).sort((x, y) => x - y)).toEqual(
      Array.from({ length: 300 }, (_, n) => n),
    );
    expect(heard.filter((line) => line.startsWith('a '))).toEqual(byA);
    await a.close();
    await leave();
  });

  it('knows its server and what it takes', async () => {
    const bus = await connect(broker());
    expect(bus.server).toBe(broker().url);
    expect(bus.maxPayload).toBe(1 << 20);
    bus.publish('x', new Uint8Array(bus.maxPayload));
    expect(() => bus.publish('x', new Uint8Array(bus.maxPayload + 1))).toThrow(BusError);
    await bus.flush();
  });

  it('finds the server by name', async () => {
    await (await connect({ ...broker(), url: `nats://localhost:${broker().port}` })).flush();
  });

  it.each([
    [{ token: 'wrong' }, 'the server does not accept the token'],
    [{ token: undefined }, 'the server asks for a token'],
  ])('is refused with %o', async (wrong, why) => {
    const refused = connect({ url: broker().url, ...wrong });
    await expect(refused).rejects.toThrow(BusError);
    await expect(refused).rejects.toThrow(`${broker().url}: ${why}`);
  });

  it('delivers what was published before close, and is not lost by it', async () => {
    const [a, b] = [await connect(broker()), await connect(broker())];
    let heard = 0;
    b.subscribe('last', () => heard++);
    await b.flush();
    a.onLost(() => expect.fail('lost'));
    for (let n = 0; n < 1_000; n++) a.publish('last', new Uint8Array(1_000));
    await a.close();
    await a.close();
    await b.flush();
    expect(heard).toBe(1_000);
    a.publish('last', new Uint8Array(1));
    a.subscribe('last', () => expect.fail('heard'))();
    await expect(a.flush()).rejects.toThrow('the connection is closed');
  });

  it('hears nothing after close, not even what it said before', async () => {
    const bus = await connect(broker());
    let heard = 0;
    bus.subscribe('x', () => heard++);
    bus.publish('x', new Uint8Array(1));
    await bus.close();
    expect(heard).toBe(0);
  });

  it('is lost, and says so, when what listens throws', async () => {
    const bus = await connect(broker());
    bus.subscribe('x', () => {
      throw new RangeError('no such thing');
    });
    bus.publish('x', new Uint8Array(1));
    const reason = await reasonOf(bus);
    expect(reason).toContain(`${broker().url}: what listens to x threw RangeError: no such thing\n`);
    expect(reason).toContain('bus.spec.ts');
  });

  it('is lost once when the server dies, and then does nothing', async () => {
    const dying = await start();
    const bus = await connect(dying);
    const reasons: string[] = [];
    bus.onLost((reason) => reasons.push(reason));
    const lost = reasonOf(bus);
    await dying.close();
    expect(await lost).toMatch(new RegExp(`^${dying.url}: the connection broke`));
    bus.publish('x', new Uint8Array(1));
    bus.subscribe('x', () => {})();
    await expect(bus.flush()).rejects.toThrow(BusError);
    expect(await reasonOf(bus)).toBe(await lost);
    await bus.close();
    expect(reasons).toEqual([await lost]);
  });
});

describe('connectBus', () => {
  it.each(['http://127.0.0.1:1', '127.0.0.1:4222', 'nats://', 'tls://', ''])('refuses %s', async (url) => {
    await expect(connect({ url })).rejects.toThrow(
      `a server is given as nats://host:port or tls://host:port, not "${url}"`,
    );
  });

  it('refuses a URL with a token, and does not repeat it', async () => {
    for (const url of ['nats://secret@127.0.0.1:1', 'nats://u:secret@127.0.0.1:1', 'http://u:secret@127.0.0.1']) {
      const refused = await connect({ url }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(BusError);
      expect(String(refused)).not.toContain('secret');
    }
  });

  it('says that nothing listens', async () => {
    const broker = await startEmbeddedBroker({ token: 'x' });
    await broker.close();
    await expect(connect({ url: broker.url })).rejects.toThrow(`${broker.url}: nothing listens there`);
    await expect(connect({ url: 'nats://no-such-host.invalid' })).rejects.toThrow(/^nats:.*: getaddrinfo .*invalid$/);
  });

  it('says that what listens is no NATS server', async () => {
    const url = await scripted('HTTP/1.1 400 Bad Request\r\n\r\n', 0);
    await expect(connect({ url })).rejects.toThrow(`${url}: what listens there is no NATS server`);
  });

  it('gives up a server that is silent, at whatever point, and leaves no connection behind', async () => {
    for (const greeting of ['', info]) {
      const url = await scripted(greeting, 0);
      await expect(connect({ url, timeoutMs: 200 })).rejects.toThrow(/^nats:.*(no greeting within 200 ms|in time)$/);
      const { sockets } = servers.at(-1) ?? expect.fail('no server');
      for (const socket of sockets) await new Promise((resolve) => socket.on('close', resolve));
    }
  });
});

describe('a server that falls silent', () => {
  it('fails a flush in time, and does not hold up close', async () => {
    const bus = await connect({ url: await scripted(info, 1), timeoutMs: 100 });
    await expect(bus.flush()).rejects.toThrow('no answer within 100 ms');
    await bus.close();
  });

  it('does not hold up whoever leaves a group, nor does one that is gone', async () => {
    const deaf = await connect({ url: await scripted(info, 1), timeoutMs: 100 });
    await deaf.share('turns', 'group', () => {})();
    const cut = await connect({ url: await scripted(info, 1), timeoutMs: 60_000 });
    const left = cut.share('turns', 'group', () => {})();
    for (const socket of servers[1]?.sockets ?? []) socket.destroy();
    await left;
  });

  it('fails a flush that close cuts off', async () => {
    const bus = await connect({ url: await scripted(info, 1), timeoutMs: 60_000 });
    const flushed = bus.flush();
    const failed = expect(flushed).rejects.toThrow('the connection is closed');
    await bus.close();
    await failed;
  });

  it('fails a flush that the end of the connection cuts off', async () => {
    const bus = await connect({ url: await scripted(info, 1), timeoutMs: 60_000 });
    const failed = expect(bus.flush()).rejects.toThrow('the connection broke');
    for (const socket of servers[0]?.sockets ?? []) socket.destroy();
    await failed;
  });
});
