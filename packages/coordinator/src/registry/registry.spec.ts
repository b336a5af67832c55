import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Bus, connectBus } from '@kmemlab/machine-live';
import { type EmbeddedBroker, startEmbeddedBroker } from '@kmemlab/nats-embedded';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { survivors } from '../../fixtures/processes.js';
import { allowedCores } from '../host/cores.js';
import { type Broker, Coordinator, NodeDaemon } from '../index.js';
import { discover, freeOnes } from './discover.js';
import { decodeQuery, encode, QUERY_SUBJECT } from './messages.js';

const program = fileURLToPath(new URL('../../fixtures/node.mjs', import.meta.url));
const LONG = 30_000;
let server: EmbeddedBroker;
let runNumber = 0;
const buses: Bus[] = [];
const daemons: NodeDaemon[] = [];
const coordinators: Coordinator[] = [];

async function bus(): Promise<Bus> {
  const connected = await connectBus({ url: server.url, token: server.token, name: 'a spec' });
  buses.push(connected);
  return connected;
}

async function register(name: string): Promise<NodeDaemon> {
  const connected = await bus();
  const { url, token } = server;
  const daemon = new NodeDaemon({ bus: connected, url, token, name, program, env: process.env });
  await connected.flush();
  daemons.push(daemon);
  return daemon;
}

function common() {
  const { url, token } = server;
  const broker: Broker = { kind: 'given', url, token, describe: 'a server', close: async () => {} };
  return {
    run: `spec-${++runNumber}`,
    broker,
    nodeProgram: '/there/is/no/local/program',
    env: process.env,
    pin: false,
    startDeadlineMs: LONG,
    linkDeadlineMs: 5_000,
  };
}

async function start(nodes: number, cpusPerNode = 1, pin = false): Promise<Coordinator> {
  const coordinator = await Coordinator.start({ ...common(), pin, nodes, cpusPerNode, payload: null });
  coordinators.push(coordinator);
  return coordinator;
}

const pids = (coordinator: Coordinator): number[] => coordinator.hellos.map((hello) => hello?.pid ?? 0);
const namesOfFree = async (): Promise<string[]> =>
  (await discover(await bus())).filter(({ busy }) => !busy).map(({ name }) => name);

beforeEach(async () => {
  server = await startEmbeddedBroker({ token: 'secret' });
});

afterEach(async () => {
  await Promise.all(coordinators.splice(0).map((one) => one.stop()));
  await Promise.all(daemons.splice(0).map((one) => one.close()));
  await Promise.all(buses.splice(0).map((one) => one.close()));
  await server.close();
});

describe('registered nodes', () => {
  it('are found by name, and take part in one run at a time', async () => {
    await Promise.all([register('b'), register('a'), register('c')]);
    expect(await namesOfFree()).toEqual(['a', 'b', 'c']);
    const coordinator = await start(2);
    expect(await coordinator.all('echo', 1, LONG)).toEqual([
      { node: 0, payload: 1 },
      { node: 1, payload: 1 },
    ]);
    const there = expect.any(Number);
    expect(coordinator.roundTrips).toEqual([
      [0, there],
      [there, 0],
    ]);
    expect(await namesOfFree()).toEqual(['c']);
    const processes = pids(coordinator);
    await coordinator.stop();
    expect(await survivors(processes, 0)).toEqual([]);
    expect(await namesOfFree()).toEqual(['a', 'b', 'c']);
  });

  it('are waited for when they have much to do, as long as too few have answered', async () => {
    const { registration } = await register('quick');
    const slow = await bus();
    const answer = encode({ ...registration, id: 'slow', name: 'slow' });
    slow.subscribe(QUERY_SUBJECT, (data) => {
      const query = decodeQuery(data);
      setTimeout(() => slow.publish(query?.reply ?? '', answer), 600);
    });
    await slow.flush();
    const names = async (isEnough: ReturnType<typeof freeOnes>): Promise<string[]> =>
      (await discover(await bus(), isEnough)).map(({ name }) => name);
    expect(await names(freeOnes(1))).toEqual(['quick']);
    expect(await names(freeOnes(2))).toEqual(['quick', 'slow']);
  });

  it('are measured without a run, two by two, and are free again', async () => {
    await register('b');
    expect(await Coordinator.measure(common())).toBeNull();
    await register('a');
    const there = expect.any(Number);
    expect(await Coordinator.measure(common())).toEqual({
      names: ['a', 'b'],
      roundTripNs: [
        [0, there],
        [there, 0],
      ],
    });
    expect(await namesOfFree()).toEqual(['a', 'b']);
  });

  it('must be enough, or the run is refused', async () => {
    await register('a');
    await expect(start(2)).rejects.toMatchObject({
      name: 'InputProblem',
      message: `the run needs 2 nodes and 1 is registered at ${server.url}; start more with "kmemlab node --nats URL", or use --nodes 1`,
    });
    const first = await start(1);
    await expect(start(1)).rejects.toThrow('the run needs 1 node and 0 are free and 1 busy');
    await first.stop();
  });

  it('refuse a part that their computer cannot hold, and the run leaves nothing behind', async () => {
    await Promise.all([register('a'), register('b')]);
    await expect(start(2, 4_000)).rejects.toMatchObject({
      name: 'InputProblem',
      message: expect.stringMatching(
        /^node [ab] at .* did not take part: 1 node of 4000 CPUs needs .* can hold \d+ CPUs/,
      ),
    });
    expect(await namesOfFree()).toEqual(['a', 'b']);
  });

  it('are pinned each to a core of its own, or the run is refused and leaves nothing behind', async () => {
    const cores = allowedCores();
    await Promise.all(
      Array.from({ length: cores.length + 1 }, (_, n) => register(`node-${String(n).padStart(3, '0')}`)),
    );
    const coordinator = await start(cores.length, 1, true);
    const places = pids(coordinator).map((pid) => allowedCores(readFileSync(`/proc/${pid}/status`, 'utf8')));
    expect(places).toEqual(cores.map((core) => [core]));
    await coordinator.stop();
    await expect(start(cores.length + 1, 1, true)).rejects.toMatchObject({
      name: 'InputProblem',
      message: expect.stringContaining(`for ${cores.length + 1} nodes of this run; start nodes elsewhere`),
    });
    expect(await namesOfFree()).toHaveLength(cores.length + 1);
  });

  it('report the death of their process', async () => {
    await Promise.all([register('a'), register('b')]);
    const coordinator = await start(2);
    const [, second] = pids(coordinator) as [number, number];
    process.kill(second, 'SIGKILL');
    const { kind, detail } = await coordinator.failure;
    expect(kind).toBe('node-died');
    expect(detail).toMatch(new RegExp(`^node 1 \\(pid ${second} on .+\\) was ended by SIGKILL$`));
  });

  it('end their process when they are closed', async () => {
    const daemon = await register('a');
    const coordinator = await start(1);
    const processes = pids(coordinator);
    await daemon.close();
    expect(await survivors(processes, 0)).toEqual([]);
    expect((await coordinator.failure).kind).toBe('node-died');
  });
});
