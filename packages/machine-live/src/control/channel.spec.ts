import { type EmbeddedBroker, startEmbeddedBroker } from '@kmemlab/nats-embedded';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../codec.js';
import { type Bus, connectBus } from '../transport/bus.js';
import { ControlChannel } from './channel.js';
import { ControlError, RemoteError } from './errors.js';
import { controlSubject, type Peer } from './types.js';

const LONG = 60_000;
let broker: EmbeddedBroker;
const buses: Bus[] = [];
const channels: ControlChannel[] = [];

const bus = async (): Promise<Bus> => {
  const { url, token } = broker;
  const connected = await connectBus({ url, token, name: 'a spec' });
  buses.push(connected);
  return connected;
};

async function channel(self: Peer, on?: Bus): Promise<ControlChannel> {
  const connected = on ?? (await bus());
  const made = new ControlChannel({ bus: connected, run: 'r', self });
  await connected.flush();
  channels.push(made);
  return made;
}

const failure = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined).catch((error) => error);

beforeAll(async () => {
  broker = await startEmbeddedBroker({ token: 'secret' });
});

afterEach(async () => {
  for (const one of channels.splice(0)) one.close();
  await Promise.all(buses.splice(0).map((one) => one.close()));
});

afterAll(() => broker.close());

/** Nothing happens in this process for so long, as if it had been stopped. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('ControlChannel', () => {
  it('answers calls with what the handler returns or resolves to', async () => {
    const [coordinator, node] = [await channel('coordinator'), await channel(1)];
    node.serve('add', (payload) => {
      const { a, b } = payload as { a: number; b: number };
      return a + b;
    });
    node.serve('later', async (payload) => [payload]);
    expect(await coordinator.call(1, 'add', { a: 2, b: 3 }, LONG)).toBe(5);
    expect(await coordinator.call(1, 'later', null, LONG)).toEqual([null]);
  });

  it('lets nodes call the coordinator, and each other, at the same time', async () => {
    const [coordinator, zero, one] = [await channel('coordinator'), await channel(0), await channel(1)];
    for (const peer of [coordinator, zero, one]) peer.serve('who', () => String(peer.self));
    const answers = await Promise.all([
      zero.call('coordinator', 'who', null, LONG),
      one.call(0, 'who', null, LONG),
      coordinator.call(1, 'who', null, LONG),
    ]);
    expect(answers).toEqual(['coordinator', '0', '1']);
  });

  it('carries payloads and answers of several megabytes through frames that the broker takes', async () => {
    const [coordinator, node] = [await channel('coordinator'), await channel(0)];
    const inventory = Array.from({ length: 10_000 }, (_, index) => ({ index, text: 'object '.repeat(70) }));
    node.serve('echo', (payload) => payload);
    const answer = await coordinator.call(0, 'echo', inventory, LONG);
    expect(answer).toEqual(inventory);
  });

  it('rejects with what the handler threw, and with the name of a call that nobody serves', async () => {
    const [coordinator, node] = [await channel('coordinator'), await channel(2)];
    node.serve('fail', () => {
      throw new RangeError('no such thing');
    });
    const thrown = await failure(coordinator.call(2, 'fail', null, LONG));
    expect(thrown).toBeInstanceOf(RemoteError);
    expect(thrown).toMatchObject({
      peer: 2,
      call: 'fail',
      remote: { name: 'RangeError', message: 'no such thing' },
      message: 'node 2 failed at "fail": no such thing',
    });
    expect(await failure(coordinator.call(2, 'what', null, LONG))).toMatchObject({
      message: 'node 2 failed at "what": nobody serves "what"',
    });
  });

  it('rejects when the answer cannot be sent', async () => {
    const [coordinator, node] = [await channel('coordinator'), await channel(0)];
    node.serve('map', () => new Map());
    expect(await failure(coordinator.call(0, 'map', null, LONG))).toBeInstanceOf(RemoteError);
  });

  it('rejects with peer, call and deadline when no answer comes, and ignores the late one', async () => {
    const [coordinator, node] = [await channel('coordinator'), await channel(0)];
    let answer: (value: unknown) => void = () => {};
    const late = new Promise((resolve) => {
      answer = resolve;
    });
    node.serve('slow', () => late);
    node.serve('quick', () => 1);
    const error = await failure(coordinator.call(0, 'slow', null, 30));
    expect(error).toBeInstanceOf(ControlError);
    expect(error).toMatchObject({
      kind: 'deadline',
      peer: 0,
      call: 'slow',
      deadlineMs: 30,
      message: 'node 0 did not answer "slow" within 30 ms',
    });
    answer(null);
    expect(await coordinator.call(0, 'quick', null, LONG)).toBe(1);
    expect(coordinator.malformed).toBe(0);
  });

  it('does not count time in which the process stood still', async () => {
    const [coordinator, node] = [await channel('coordinator'), await channel(0)];
    let answer: (value: unknown) => void = () => {};
    const late = new Promise((resolve) => {
      answer = resolve;
    });
    const asked = new Promise<void>((resolve) => {
      node.serve('slow', () => {
        resolve();
        return late;
      });
    });
    const called = coordinator.call(0, 'slow', null, 500);
    await asked;
    standStill(1500);
    answer(1);
    expect(await called).toBe(1);
  });

  it('refuses a payload that is no plain data, without waiting', async () => {
    const coordinator = await channel('coordinator');
    expect(await failure(coordinator.call(0, 'x', { fn: () => {} }, LONG))).toMatchObject({
      kind: 'not-sent',
      peer: 0,
    });
  });

  it('delivers events with their sender, in order, also large ones between small ones', async () => {
    const [coordinator, node] = [await channel('coordinator'), await channel(1)];
    const got: unknown[] = [];
    const heard: Peer[] = [];
    coordinator.onHeard((from) => heard.push(from));
    const all = new Promise<void>((resolve) => {
      coordinator.onEvent('tick', (payload, from) => {
        got.push([from, typeof payload === 'string' ? payload.length : payload]);
        if (got.length === 3) resolve();
      });
    });
    node.event('coordinator', 'other', null);
    node.event('coordinator', 'tick', 1);
    node.event('coordinator', 'tick', 'x'.repeat(3 << 20));
    node.event('coordinator', 'tick', 2);
    await all;
    expect(got).toEqual([
      [1, 1],
      [1, 3 << 20],
      [1, 2],
    ]);
    expect(heard).toEqual([1, 1, 1, 1]);
  });

  it('rejects everything pending at once when it is closed, and whatever is asked later', async () => {
    const coordinator = await channel('coordinator');
    const pending = [failure(coordinator.call(0, 'a', null, LONG)), failure(coordinator.call(1, 'b', null, LONG))];
    coordinator.close();
    expect(await Promise.all(pending)).toMatchObject([
      { kind: 'closed', peer: 0, call: 'a' },
      { kind: 'closed', peer: 1, call: 'b' },
    ]);
    expect(await failure(coordinator.call(0, 'c', null, LONG))).toMatchObject({ kind: 'closed', call: 'c' });
    coordinator.event(0, 'd', null);
    coordinator.close();
  });

  it('rejects everything pending when the broker is lost, saying so', async () => {
    const own = await startEmbeddedBroker({ token: 'other' });
    const connected = await connectBus({ url: own.url, token: own.token, name: 'a spec' });
    const coordinator = await channel('coordinator', connected);
    const pending = failure(coordinator.call(0, 'a', null, LONG));
    await own.close();
    expect(await pending).toMatchObject({ kind: 'closed', call: 'a' });
    expect(((await pending) as Error).message).toContain(own.url);
    await connected.close();
  });

  it('counts what is malformed and goes on', async () => {
    const [coordinator, node, stranger] = [await channel('coordinator'), await channel(0), await bus()];
    node.serve('quick', () => 1);
    const subject = controlSubject('r', 'coordinator');
    const answerToNothing = pack([1, 1_000, null]);
    stranger.publish(subject, Uint8Array.of(0xc1));
    stranger.publish(subject, pack([1, 0, 1, 0, 1, Uint8Array.of(0xc1)]));
    stranger.publish(subject, pack([1, 0, 1, 0, 1, answerToNothing]));
    await stranger.flush();
    expect(await coordinator.call(0, 'quick', null, LONG)).toBe(1);
    expect(coordinator.malformed).toBe(3);
  });

  it('does not take a second handler for a call', async () => {
    const node = await channel(0);
    node.serve('a', () => 1);
    expect(() => node.serve('a', () => 2)).toThrow('has a handler');
  });
});
