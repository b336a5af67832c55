import { execFileSync } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { startEmbeddedBroker } from '@kmemlab/nats-embedded';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FloorError, FloorProcess } from './floor-process.js';
import { broadcast, crossNode, natsRoundTrip, Pair, pingPong, waitAsyncHop } from './floors.js';
import { calibrate, measureFloors } from './measure.js';

/** Processes that measure for this one and still run. */
function floorProcesses(): string[] {
  const list = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' });
  return list.split('\n').filter((line) => /floors.programs.station|kmemlab-floor/.test(line));
}

afterEach(() => expect(floorProcesses()).toEqual([]));

const few = { rounds: 50 };
/** A wake-up costs a microsecond at least, and less than a second even on a busy computer. */
const expectFloor = (floor: { medianNs: number; p99Ns: number; rounds: number }) => {
  expect(floor.rounds).toBe(45);
  expect(floor.medianNs).toBeGreaterThan(500);
  expect(floor.medianNs).toBeLessThan(1e9);
  expect(floor.p99Ns).toBeGreaterThanOrEqual(floor.medianNs);
};

describe('inside a process', () => {
  it.each([
    ['ping-pong', () => pingPong(few)],
    ['broadcast', () => broadcast({ responders: 3, ...few })],
    ['hop', () => waitAsyncHop(few)],
    ['pinned', () => pingPong({ ...few, pin: '0' })],
  ])('%s is measured from real threads', async (_name, measure) => expectFloor(await measure()));

  it('stops at its budget with the rounds it has', async () => {
    const { rounds } = await pingPong({ rounds: 1e6, budgetMs: 50 });
    expect(rounds).toBeGreaterThan(0);
    expect(rounds).toBeLessThan(1e6);
  });

  it('a look gives medians', async () => {
    const floors = await measureFloors({ quick: true });
    expect(floors).toEqual({
      pingPongNs: expect.any(Number),
      broadcastNs: { 1: floors.pingPongNs, 3: expect.any(Number) },
      hopNs: expect.any(Number),
    });
  });
});

describe('between processes', () => {
  let broker: Awaited<ReturnType<typeof startEmbeddedBroker>>;
  beforeEach(async () => {
    broker = await startEmbeddedBroker({ token: 'floors' });
  });
  afterEach(() => broker.close());

  it('NATS is measured from one process to another', async () =>
    expectFloor(await natsRoundTrip({ ...broker, ...few })));

  it('the chain is measured from thread to thread', async () => expectFloor(await crossNode({ ...broker, ...few })));

  it('all floors are measured in one go, with progress', async () => {
    const steps: string[] = [];
    const onProgress = (done: number, total: number, floor: string) => void steps.push(`${done}/${total} ${floor}`);
    const floors = await calibrate({ quick: true, broker, responders: [2], onProgress });
    expect(Object.keys(floors)).toEqual(['pingPong', 'broadcast', 'hop', 'nats', 'crossNode']);
    expect(steps).toEqual([
      '0/5 broadcast to 2',
      '1/5 ping-pong',
      '2/5 waitAsync hop',
      '3/5 NATS',
      '4/5 cross-node chain',
    ]);
  });

  it('a wrong token is an error that says so', async () => {
    await expect(natsRoundTrip({ url: broker.url, token: 'wrong', ...few })).rejects.toThrow(FloorError);
  });

  it('a broker that goes away is an error, not a hang', async () => {
    const pair = await Pair.start(broker);
    const before = broker.stats.messagesIn;
    const failed = expect(pair.measure({ do: 'nats', rounds: 1e9, budgetMs: 60_000 })).rejects.toThrow(/^nats: /);
    while (broker.stats.messagesIn === before) await setImmediate();
    await broker.close();
    await failed;
    await pair.close();
  });
});

describe('failures', () => {
  it('a measurement that exceeds its deadline is an error', async () => {
    const process = new FloorProcess();
    const order = { do: 'broadcast', responders: 1, rounds: 1e9, budgetMs: 60_000 } as const;
    await expect(process.measure(order, 200)).rejects.toThrow('broadcast: no answer in 200 ms');
    await process.close();
  });

  it('an interruption ends it with its reason', async () => {
    const interruption = new AbortController();
    const onProgress = () => interruption.abort(new Error('stop'));
    await expect(calibrate({ signal: interruption.signal, onProgress })).rejects.toThrow('stop');
  });

  it('a process that cannot be pinned is an error', async () => {
    await expect(pingPong({ ...few, pin: 'nowhere' })).rejects.toThrow(/^broadcast: /);
  });
});
