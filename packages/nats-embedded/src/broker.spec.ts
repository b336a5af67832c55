import { connect as dial } from 'node:net';
import { connect } from 'nats';
import { afterEach, describe, expect, it } from 'vitest';
import { RawClient } from '../test/raw-client.js';
import { BrokerListenError, type EmbeddedBroker, type EmbeddedBrokerOptions, startEmbeddedBroker } from './index.js';

const token = 'a token';
const brokers: EmbeddedBroker[] = [];
const sockets: RawClient[] = [];

async function start(options: Partial<EmbeddedBrokerOptions> = {}): Promise<EmbeddedBroker> {
  const broker = await startEmbeddedBroker({ token, ...options });
  brokers.push(broker);
  return broker;
}

async function open(broker: EmbeddedBroker, options?: object): Promise<RawClient> {
  const socket = await RawClient.open(broker, options);
  sockets.push(socket);
  return socket;
}

function greeted(broker: EmbeddedBroker): RawClient {
  const socket = new RawClient(broker);
  sockets.push(socket);
  return socket;
}

afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.destroy();
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

describe('startEmbeddedBroker', () => {
  it('listens on loopback at a free port and says where', async () => {
    const [a, b] = [await start(), await start()];
    expect(a.url).toBe(`nats://127.0.0.1:${a.port}`);
    expect(a.port).not.toBe(b.port);
    expect(a.token).toBe(token);
    const six = await start({ host: '::1' });
    expect(six.url).toBe(`nats://[::1]:${six.port}`);
    const client = await connect({ servers: six.url, token });
    await client.close();
  });

  it('rejects when the port is taken', async () => {
    const { port } = await start();
    const refused = await startEmbeddedBroker({ token, port }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BrokerListenError);
    expect(refused).toMatchObject({
      message: `The broker cannot listen at 127.0.0.1 port ${port}.`,
      cause: { code: 'EADDRINUSE' },
    });
  });

  it('rejects an empty token', async () => {
    await expect(startEmbeddedBroker({ token: '' })).rejects.toThrow('needs a token');
  });

  it('greets with what it can do', async () => {
    const socket = greeted(await start({ maxPayload: 77 }));
    await socket.until('\r\n');
    const info: unknown = JSON.parse(socket.received.slice('INFO '.length));
    expect(info).toMatchObject({ max_payload: 77, headers: true, auth_required: true, proto: 1, client_id: 1 });
  });

  it('counts', async () => {
    const broker = await start();
    const [a, b] = [await open(broker), await open(broker)];
    await a.settled('SUB x 1\r\nSUB x 2\r\n');
    await b.settled('PUB x 3\r\nabc\r\nPUB y 3\r\nabc\r\n');
    expect(broker.stats).toEqual({ connections: 2, accepted: 2, messagesIn: 2, messagesOut: 2, faults: 0 });
    b.send('nonsense\r\n');
    await b.untilClosed();
    expect(broker.stats).toMatchObject({ connections: 1, accepted: 2, faults: 1 });
  });

  it('holds to the limits it was given', async () => {
    const broker = await start({ maxPayload: 10, maxControlLine: 100 });
    const [large, long] = [await open(broker), await open(broker)];
    await long.settled(`SUB ${'a'.repeat(92)} 1\r\n`);
    long.send(`SUB ${'a'.repeat(93)} 1\r\n`);
    await long.untilClosed();
    expect(long.received).toBe(`-ERR 'Maximum Control Line Exceeded'\r\n`);
    await large.settled('PUB a 10\r\n0123456789\r\n');
    large.send('PUB a 11\r\n');
    await large.untilClosed();
    expect(large.received).toBe(`-ERR 'Maximum Payload Violation'\r\n`);
  });

  it('turns away more clients than it may have, and takes one again when another has gone', async () => {
    const broker = await start({ maxConnections: 1 });
    const first = await open(broker);
    const second = greeted(broker);
    await second.untilClosed();
    expect(second.received).toBe('');
    first.socket.end();
    await first.untilClosed();
    await open(broker);
  });

  it('lets a client go that does not present its token in time', async () => {
    const socket = greeted(await start({ connectTimeout: 30 }));
    await socket.untilClosed();
    expect(socket.received).toMatch(/^INFO .*\r\n-ERR 'Authentication Timeout'\r\n$/);
  });

  it.each([{ auth_token: 1 }, { auth_token: null }, { auth_token: { toString: 1 } }, { auth_token: ['a token'] }])(
    'turns away a token of the wrong type: %j',
    async (options) => {
      const socket = greeted(await start());
      await socket.until('INFO ');
      socket.send(socket.connectLine(options));
      await socket.untilClosed();
      expect(socket.received).toContain(`-ERR 'Authorization Violation'\r\n`);
    },
  );

  it('obeys nothing that follows a fault', async () => {
    const broker = await start();
    const other = await open(broker);
    await other.settled('SUB x 1\r\n');
    const socket = greeted(broker);
    await socket.until('INFO ');
    socket.send(`${socket.connectLine({ auth_token: 'no' })}PUB x 1\r\na\r\n`, 'PUB x 1\r\nb\r\n');
    await socket.untilClosed();
    expect(await other.settled()).toBe('');
  });

  it('obeys nothing that a client sent behind what made it a slow consumer', async () => {
    const broker = await start({ maxPending: 1 << 16 });
    const [other, socket] = [await open(broker), await open(broker)];
    await other.settled('SUB other 1\r\n');
    await socket.settled(...Array.from({ length: 100 }, (_, sid) => `SUB x ${sid}\r\n`));
    socket.send(`PUB x 1000\r\n${'x'.repeat(1_000)}\r\nPUB other 1\r\na\r\nSUB other 9\r\n`);
    await socket.untilClosed();
    expect(socket.received).toMatch(/-ERR 'Slow Consumer'\r\n$/);
    expect(await other.settled('PUB other 1\r\nb\r\n')).toBe('MSG other 1 1\r\nb\r\n');
    expect(broker.stats).toMatchObject({ messagesIn: 2, connections: 1 });
  });

  it('pings, keeps a client that answers, and lets a silent one go', async () => {
    const broker = await start({ pingInterval: 40, maxPingsOut: 2 });
    const [silent, lively] = [await open(broker), await open(broker)];
    const answering = setInterval(() => lively.send('PONG\r\n'), 20);
    await silent.untilClosed();
    expect(silent.received).toBe(`PING\r\nPING\r\n-ERR 'Stale Connection'\r\n`);
    // More pings than a silent client is allowed to leave unanswered.
    await lively.until('PING', 6);
    clearInterval(answering);
    lively.received = '';
    await lively.settled();
  });

  it('lets a client go that does not read, and serves the others meanwhile', async () => {
    const broker = await start({ maxPending: 4 << 20, lingerTimeout: 50 });
    const [slow, quick, sender] = [await open(broker), await open(broker), await open(broker)];
    await slow.settled('SUB flood 1\r\n');
    await quick.settled('SUB flood 1\r\n');
    slow.socket.pause();
    const frame = Buffer.from(`PUB flood 100000\r\n${'x'.repeat(100_000)}\r\n`);
    let sent = 0;
    for (; sent < 1_000 && broker.stats.faults === 0; sent++) await sender.settled(frame);
    expect(sent).toBeGreaterThan(30);
    expect(sent).toBeLessThan(1_000);
    expect(broker.stats.faults).toBe(1);
    await quick.settled();
    while (broker.stats.connections > 2) await quick.settled();
    expect(broker.stats).toMatchObject({ connections: 2, messagesIn: sent });
    slow.socket.resume();
    await slow.untilClosed();
  });

  it('tells a slow client why when it does read on', async () => {
    const broker = await start({ maxPending: 1 << 20, lingerTimeout: 5_000 });
    const [slow, sender] = [await open(broker), await open(broker)];
    await slow.settled('SUB flood 1\r\n');
    slow.socket.pause();
    const payload = 'x'.repeat(100_000);
    while (broker.stats.faults === 0) await sender.settled(`PUB flood 100000\r\n${payload}\r\n`);
    slow.socket.resume();
    await slow.untilClosed();
    const rest = slow.received.split(`MSG flood 1 100000\r\n${payload}\r\n`);
    expect(rest.at(-1)).toBe(`-ERR 'Slow Consumer'\r\n`);
    expect(new Set(rest.slice(0, -1))).toEqual(new Set(['']));
  });

  it('lets a client go that asks for much and reads nothing', async () => {
    const broker = await start({ maxPending: 1 << 16, lingerTimeout: 50 });
    const [socket, other] = [await open(broker), await open(broker)];
    socket.socket.pause();
    const pings = Buffer.from('PING\r\n'.repeat(100_000));
    while (broker.stats.faults === 0 && !socket.socket.destroyed) {
      socket.send(pings);
      await other.settled();
    }
    expect(broker.stats.faults).toBe(1);
  });

  it('picks the member of a queue group with the random source it was given', async () => {
    let next = 0;
    const broker = await start({ random: () => (next++ % 3) / 3 });
    const socket = await open(broker);
    await socket.settled('SUB x q 1\r\nSUB x q 2\r\nSUB * q 3\r\n');
    const said = await socket.settled('PUB x 0\r\n\r\n'.repeat(6));
    expect([...said.matchAll(/MSG x (\d)/g)].map(([, sid]) => sid)).toEqual(['1', '2', '3', '1', '2', '3']);
  });
});

describe('close', () => {
  it('ends every client, frees the port, and may be called again', async () => {
    const broker = await start();
    const client = await connect({ servers: broker.url, token, reconnect: false });
    const socket = await open(broker);
    await broker.close();
    await broker.close();
    await client.closed();
    await socket.untilClosed();
    expect(broker.stats.connections).toBe(0);
    const again = await start({ port: broker.port });
    expect(again.port).toBe(broker.port);
  });

  it('delivers what it had taken before', async () => {
    const broker = await start();
    const [socket, other] = [await open(broker), await open(broker)];
    const payload = 'x'.repeat(500_000);
    await socket.settled('SUB x 1\r\n');
    socket.send(`PUB x 500000\r\n${payload}\r\n`);
    while (broker.stats.messagesIn === 0) await other.settled();
    await broker.close();
    await socket.untilClosed();
    expect(socket.received).toBe(`MSG x 1 500000\r\n${payload}\r\n`);
  });

  it('does not wait for a client that neither reads nor leaves, nor for one that keeps sending', async () => {
    const broker = await start({ lingerTimeout: 100 });
    const [stuck, sender, mute] = [await open(broker), await open(broker), dial(broker.port, '127.0.0.1')];
    mute.on('error', () => {});
    await stuck.settled('SUB x 1\r\n');
    stuck.socket.pause();
    const frame = Buffer.from(`PUB x 100000\r\n${'x'.repeat(100_000)}\r\n`);
    for (let n = 0; n < 100; n++) await sender.settled(frame);
    const sending = setInterval(() => sender.socket.writable && sender.send(frame), 1);
    await broker.close();
    clearInterval(sending);
    mute.destroy();
  });
});
