import { Calls, Events, markClock, type NodeConfigure, NodeStatus } from '@kmemlab/coordinator';
import { type Bus, ControlChannel, connectBus, Link } from '@kmemlab/machine-live';
import { type EmbeddedBroker, startEmbeddedBroker } from '@kmemlab/nats-embedded';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeProcess } from './node-process.js';
import type { Part, PartContext } from './types.js';

const LONG = 60_000;
const RUN = 'spec';
let broker: EmbeddedBroker;
let bus: Bus;
let coordinator: ControlChannel;
const buses: Bus[] = [];

const configure: NodeConfigure = {
  run: RUN,
  index: 0,
  nodes: 2,
  cpusPerNode: 1,
  linkDeadlineMs: LONG,
  coordinatorDeadlineMs: LONG,
  clock: markClock(),
  payload: { text: 'what to run' },
};

async function connect(): Promise<Bus> {
  const connected = await connectBus({ url: broker.url, token: broker.token, name: 'a spec' });
  buses.push(connected);
  return connected;
}

interface Started {
  readonly node: NodeProcess;
  /** The status with which it ended, or 'stuck'. */
  readonly ended: Promise<number | 'stuck'>;
  readonly contexts: readonly PartContext[];
}

async function start(part: Partial<Part> = {}): Promise<Started> {
  const contexts: PartContext[] = [];
  let end: (status: number | 'stuck') => void = () => {};
  const ended = new Promise<number | 'stuck'>((resolve) => {
    end = resolve;
  });
  const node = new NodeProcess({
    bus: await connect(),
    run: RUN,
    node: 0,
    pid: 4711,
    cores: 3,
    startPart: async (context) => {
      contexts.push(context);
      return { receive: () => {}, stop: async () => {}, ...part };
    },
    onEnd: end,
    onStuck: () => end('stuck'),
  });
  const hello = next(Events.hello);
  await node.hello();
  expect(await hello).toMatchObject({ pid: 4711, cores: 3 });
  return { node, ended, contexts };
}

const next = (event: string): Promise<unknown> => new Promise((resolve) => coordinator.onEvent(event, resolve));

beforeEach(async () => {
  broker = await startEmbeddedBroker({ token: 'secret' });
  bus = await connect();
  coordinator = new ControlChannel({ bus, run: RUN, self: 'coordinator' });
  await bus.flush();
});

afterEach(async () => {
  coordinator.close();
  await Promise.all(buses.splice(0).map((one) => one.close()));
  await broker.close();
});

describe('NodeProcess', () => {
  it('says hello, is configured, begins, and stops when it is told to', async () => {
    const { ended, contexts } = await start();
    await coordinator.call(0, Calls.configure, configure, LONG);
    expect(contexts[0]?.configure).toEqual(configure);
    expect([...(contexts[0]?.links.keys() ?? [])]).toEqual([1]);
    const alive = next(Events.alive);
    await coordinator.call(0, Calls.begin, null, LONG);
    await alive;
    coordinator.call(0, Calls.stop, null, LONG).catch(() => {});
    expect(await ended).toBe(NodeStatus.stopped);
  });

  it('refuses what is no order to configure, or not for it, and a second one', async () => {
    await start();
    const refused = (payload: unknown) => expect(coordinator.call(0, Calls.configure, payload, LONG)).rejects.toThrow();
    await refused(null);
    await refused({ ...configure, clock: 0 });
    await refused({ ...configure, index: 1 });
    await coordinator.call(0, Calls.configure, configure, LONG);
    await refused(configure);
  });

  it('reports its first failure and lives on', async () => {
    const { node } = await start();
    const failed = next(Events.failed);
    node.fail({ kind: 'worker-died', detail: 'CPU 1' });
    node.fail({ kind: 'internal', detail: 'what came of it' });
    expect(await failed).toEqual({ kind: 'worker-died', detail: 'CPU 1' });
    await coordinator.call(0, Calls.configure, configure, LONG);
  });

  it('reports what its part makes of a message, as a failure of its own and not of the transport', async () => {
    const receive = () => {
      throw new Error('what is this?');
    };
    await start({ receive });
    await coordinator.call(0, Calls.configure, configure, LONG);
    await coordinator.call(0, Calls.begin, null, LONG);
    const failed = next(Events.failed);
    const ignore = () => {};
    const peer = new Link({ bus, run: RUN, self: 1, peer: 0, deadlineMs: LONG, onMessage: ignore, onLost: ignore });
    await bus.flush();
    peer.start();
    peer.send(Uint8Array.of(1));
    peer.flush();
    expect(await failed).toEqual({ kind: 'internal', detail: 'node 0, a message from node 1: what is this?' });
    peer.close();
  });

  it('gives the first signal its time, then calls for force', async () => {
    const { node, ended } = await start({ stop: () => new Promise(() => {}) });
    await coordinator.call(0, Calls.configure, configure, LONG);
    node.end(NodeStatus.stopped);
    expect(await ended).toBe('stuck');
  });

  it('ends when the broker is gone', async () => {
    const { ended } = await start();
    await broker.close();
    expect(await ended).toBe(NodeStatus.brokerLost);
  });

  it('ends when the coordinator is silent for too long', async () => {
    const { ended } = await start();
    await coordinator.call(0, Calls.configure, { ...configure, coordinatorDeadlineMs: 1_000 }, LONG);
    expect(await ended).toBe(NodeStatus.abandoned);
  });
});
