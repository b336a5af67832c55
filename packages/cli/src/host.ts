import { randomUUID } from 'node:crypto';
import {
  Coordinator,
  calibrate,
  checkLimits,
  chooseBroker,
  connectTo,
  describeHost,
  discover,
  findServices,
  InputProblem,
  type Resources,
  submitOrder,
} from '@kmemlab/coordinator';
import { oneLine } from '@kmemlab/results';
import { RANGES } from './flags.js';
import type { Host, HostReport, ServerChoice } from './types.js';
import { UsageError } from './usage-error.js';

/** Most CPUs of all nodes together that a scenario may have. */
const MOST_CPUS = 4096;

/** Most CPUs per node that this computer can hold with so many nodes; 0 if none. */
function cpusPerNode(nodes: number, limits: Resources): number {
  let fits = 0;
  let tooMany = Math.min(RANGES.cpusPerNode[1], Math.floor(MOST_CPUS / nodes)) + 1;
  while (tooMany - fits > 1) {
    const middle = Math.floor((fits + tooMany) / 2);
    if (checkLimits({ nodes, cpusPerNode: middle }, limits) === null) fits = middle;
    else tooMany = middle;
  }
  return fits;
}

/** The machine with the most CPUs that this computer can hold, and among those the one with the fewest nodes. */
export function largestMachine(limits: Resources): HostReport['largest'] {
  let largest = { nodes: 1, cpusPerNode: cpusPerNode(1, limits) };
  for (let nodes = 2; nodes <= RANGES.nodes[1]; nodes++) {
    const candidate = { nodes, cpusPerNode: cpusPerNode(nodes, limits) };
    if (nodes * candidate.cpusPerNode > largest.nodes * largest.cpusPerNode) largest = candidate;
  }
  return largest;
}

/** What the user asked for and cannot have is wrong usage here. */
async function asUsage<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof InputProblem) throw new UsageError(error.message);
    throw error;
  }
}

type Bus = Awaited<ReturnType<typeof connectTo>>;

/** Do something with a connection to a server, and close it. */
async function atServer<T>({ nats, env }: ServerChoice, use: (bus: Bus) => Promise<T>): Promise<T> {
  const bus = await connectTo(nats, env, 'kmemlab').catch((error: unknown) => {
    throw new UsageError(`${oneLine(error)}; check --nats and the server`);
  });
  try {
    return await asUsage(use(bus));
  } finally {
    await bus.close();
  }
}

/** The computer that the command runs on. */
export const host: Host = {
  async describe(env) {
    const { limits, ...description } = await describeHost(env);
    const largest = largestMachine(limits);
    return { ...description, cpusInOneNode: cpusPerNode(1, limits), largest };
  },
  openBroker: (choice) => asUsage(chooseBroker(choice)),
  calibrate,
  async betweenNodes({ broker, env, signal }) {
    const { nodeProgram } = await import('@kmemlab/node-service');
    const run = randomUUID();
    const deadlines = { startDeadlineMs: 60_000, linkDeadlineMs: 5_000 };
    return asUsage(Coordinator.measure({ run, broker, env, nodeProgram, pin: false, signal, ...deadlines }));
  },
  async serveNode(options) {
    const { runNodeDaemon } = await import('@kmemlab/node-service');
    await asUsage(runNodeDaemon(options));
  },
  services: (choice) => atServer(choice, findServices),
  registeredNodes: (choice, name) =>
    atServer(choice, (bus) => discover(bus, (found) => found.some((node) => name === undefined || node.name === name))),
  submit: (options) => atServer(options, (bus) => submitOrder({ ...options, bus })),
};
