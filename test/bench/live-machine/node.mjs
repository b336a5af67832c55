// One node of a machine that is measured, as a process of its own. Speaks with the bench over IPC.
import { defaultConfig, KernelBuild, sys, versions } from '@kmemlab/kernel';
import { resolveCosts, Topology } from '@kmemlab/machine';
import { connectBus, LinkSet, NodeMachine } from '@kmemlab/machine-live';
import { summarize } from '../../../packages/coordinator/dist/floors/summary.js';

const MOST_ROUNDS = 100_000;
const { node, nodes, cpusPerNode, trip, broker, run } = JSON.parse(process.argv[2]);

const order = new Int32Array(new SharedArrayBuffer(3 * 4));
const samples = new Float64Array(new SharedArrayBuffer(MOST_ROUNDS * 8));
const topology = new Topology(nodes, cpusPerNode);
const fail = (error) => {
  process.stderr.write(`${error instanceof Error ? error.stack : JSON.stringify(error)}\n`);
  process.exit(1);
};

const bus = await connectBus({ ...broker, name: `bench-${node}` });
const peers = topology.nodes === 1 ? [] : [1 - node];
const links = new LinkSet({
  bus,
  run,
  self: node,
  peers,
  deadlineMs: 10_000,
  onMessage: (message) => machine.receive(message),
  onLost: fail,
});

let exited = () => {};
const machine = new NodeMachine({
  node,
  topology,
  costs: resolveCosts({}),
  seed: 1,
  build: new KernelBuild(
    versions.find(({ name }) => name === 'v4.10'),
    [],
    defaultConfig,
  ),
  timeScale: 1,
  epoch: process.hrtime.bigint(),
  workerEntry: new URL('./cpu.mjs', import.meta.url),
  workerPlan: { trip, order, samples },
  links: links.links,
  onVerdict: fail,
  onFailure: fail,
  onExit: (_pid, outcome) => exited(outcome),
});

let pids = 0;

/** Run a guest program on CPU 0 until it ends. */
async function guest(program) {
  const ended = new Promise((resolve) => {
    exited = resolve;
  });
  machine.startProgram(++pids, 'bench', program, { kind: 'pinned', cpu: 0 });
  const outcome = await ended;
  if ('error' in outcome) throw new Error(outcome.error);
}

const answers = {
  start: () => machine.start(),
  begin: () => links.start(),
  boot: () => machine.boot(),
  quiet: () => machine.quiet(),
  measure: async ({ rounds, budgetMs }) => {
    order.set([Math.min(rounds, MOST_ROUNDS), budgetMs, 0]);
    await guest(
      (function* measure() {
        yield* sys.mkdir(`/mnt/cgroup/memory/${pids}`);
      })(),
    );
    return summarize(samples.slice(0, order[2]));
  },
  stop: async () => {
    await machine.stop();
    links.close();
    await bus.close();
    setImmediate(() => process.exit(0));
  },
};

await bus.flush();
process.on('disconnect', () => process.exit(1));
process.on('message', ({ id, name, payload }) => {
  Promise.resolve(answers[name](payload)).then((value) => process.send({ id, value }), fail);
});
process.send('up');
