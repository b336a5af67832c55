import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { survivors } from '../fixtures/processes.js';
import { type Broker, Coordinator, type CoordinatorOptions, chooseBroker, RunFailed } from './index.js';

const nodeProgram = fileURLToPath(new URL('../fixtures/node.mjs', import.meta.url));
const LONG = 30_000;
let runNumber = 0;
const started: Coordinator[] = [];
const brokers: Broker[] = [];

async function newBroker(kind: 'embedded' | 'nats-server'): Promise<Broker> {
  const broker = await chooseBroker({ env: { ...process.env, KMEMLAB_BROKER: kind } });
  brokers.push(broker);
  return broker;
}

interface Wishes extends Partial<CoordinatorOptions> {
  readonly vices?: string;
  readonly kind?: 'embedded' | 'nats-server';
}

async function start({ vices = '', kind = 'embedded', ...wishes }: Wishes = {}): Promise<Coordinator> {
  const coordinator = await Coordinator.start({
    run: `spec-${++runNumber}`,
    nodes: 2,
    cpusPerNode: 1,
    payload: { text: 'hello' },
    broker: wishes.broker ?? (await newBroker(kind)),
    nodeProgram,
    env: { ...process.env, KMEMLAB_FIXTURE: vices },
    pin: false,
    startDeadlineMs: LONG,
    linkDeadlineMs: 5_000,
    ...wishes,
  });
  started.push(coordinator);
  return coordinator;
}

const pids = (coordinator: Coordinator): number[] => coordinator.hellos.map((hello) => hello?.pid ?? 0);

async function failureOf(promise: Promise<unknown>): Promise<RunFailed> {
  const error = await promise.then(() => undefined).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RunFailed);
  return error as RunFailed;
}

/** The process that a failure names. */
const pidIn = (detail: string): number => Number(/pid (\d+)/.exec(detail)?.[1]);

afterEach(async () => {
  await Promise.all(started.splice(0).map((coordinator) => coordinator.stop()));
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

describe('Coordinator', () => {
  it('starts nodes, configures and asks them, and stops them without leaving a process', async () => {
    const coordinator = await start({ pin: true });
    expect(await coordinator.call(1, 'order', null, LONG)).toMatchObject({
      index: 1,
      nodes: 2,
      cpusPerNode: 1,
      payload: { text: 'hello' },
    });
    expect(await coordinator.all('echo', 7, LONG)).toEqual([
      { node: 0, payload: 7 },
      { node: 1, payload: 7 },
    ]);
    const processes = pids(coordinator);
    expect(new Set(processes).size).toBe(2);
    await Promise.all([coordinator.stop(), coordinator.stop()]);
    expect(await survivors(processes, 0)).toEqual([]);
  });

  it('says which node died and how, and rejects what is pending and what is asked later', async () => {
    const coordinator = await start();
    const [first, second] = pids(coordinator) as [number, number];
    const pending = failureOf(coordinator.call(0, 'never', null, LONG));
    process.kill(second, 'SIGKILL');
    const failure = await coordinator.failure;
    expect(failure).toEqual({ kind: 'node-died', detail: `node 1 (pid ${second}) was ended by SIGKILL` });
    expect(await pending).toMatchObject(failure);
    expect(await failureOf(coordinator.call(0, 'echo', 1, LONG))).toMatchObject(failure);
    await coordinator.stop();
    expect(await survivors([first], 0)).toEqual([]);
  });

  it('says what a node that crashes at its start wrote last', async () => {
    const error = await failureOf(start({ vices: '1:crash' }));
    expect(error.kind).toBe('node-died');
    expect(error.detail).toMatch(/^node 1 \(pid \d+\) ended with status 1: Error: the fixture was told to crash$/);
  });

  it('names the node that never says anything, and ends it', async () => {
    const error = await failureOf(start({ vices: '1:silent', startDeadlineMs: 8_000 }));
    expect(error.kind).toBe('node-silent');
    expect(error.detail).toMatch(/^node 1 \(pid \d+\) said nothing within 8000 ms of its start; last: thinking$/);
    expect(await survivors([pidIn(error.detail)], 0)).toEqual([]);
  });

  it('names the node that does not get ready', async () => {
    const error = await failureOf(start({ vices: '0:unready', startDeadlineMs: 3_000 }));
    expect(error).toMatchObject({ kind: 'node-silent' });
    expect(error.detail).toMatch(/^node 0 \(pid \d+\) was not ready within 3000 ms$/);
  });

  it('passes on why a node could not get ready', async () => {
    const error = await failureOf(start({ vices: '1:refuse' }));
    expect(error).toMatchObject({
      kind: 'internal',
      detail: 'node 1 failed at "life.configure": this kernel does not load',
    });
  });

  it('kills a node that neither stops nor heeds SIGTERM', async () => {
    const coordinator = await start({ vices: '0:stubborn' });
    const processes = pids(coordinator);
    await coordinator.stop();
    expect(await survivors(processes, 0)).toEqual([]);
  });

  it('ends the run with the failure that a node reports', async () => {
    const coordinator = await start();
    const failure = { kind: 'worker-died', detail: 'CPU 3' };
    await coordinator.call(1, 'report-failure', failure, LONG).catch(() => {});
    expect(await coordinator.failure).toEqual(failure);
  });

  it('ends the run when a node is silent for too long', async () => {
    const coordinator = await start({ vices: '1:mute', linkDeadlineMs: 1_500 });
    const { kind, detail } = await coordinator.failure;
    expect(kind).toBe('transport-lost');
    expect(detail).toMatch(/^node 1 \(pid \d+\) has been silent for \d+ ms$/);
  });

  it('ends the run when the broker is killed, and still stops the nodes', async () => {
    const broker = await newBroker('nats-server');
    const coordinator = await start({ broker });
    process.kill(broker.pid as number, 'SIGKILL');
    expect((await coordinator.failure).kind).toBe('broker-lost');
    await coordinator.stop();
    expect(await survivors(pids(coordinator), 0)).toEqual([]);
  });

  it('gives up a start that is interrupted, leaving nothing', async () => {
    const interruption = new AbortController();
    const start_ = start({ vices: '1:silent', signal: interruption.signal });
    setTimeout(() => interruption.abort(), 300);
    expect(await failureOf(start_)).toMatchObject({ kind: 'interrupted' });
  });

  it('refuses a machine that this computer cannot hold, before anything starts', async () => {
    await expect(start({ nodes: 2, cpusPerNode: 4_000 })).rejects.toMatchObject({
      name: 'InputProblem',
      message: expect.stringContaining('this computer can hold'),
    });
  });

  it('does not take a server that is not there for a failure of the run', async () => {
    const gone = await newBroker('embedded');
    const { url, token } = gone;
    await gone.close();
    const broker: Broker = { kind: 'given', url, token: token as string, describe: 'x', close: async () => {} };
    await expect(start({ broker })).rejects.toMatchObject({ name: 'InputProblem' });
  });
});
