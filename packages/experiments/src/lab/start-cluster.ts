import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  type Broker,
  Coordinator,
  checkLimits,
  chooseBroker,
  describeHost,
  type Environment,
  FloorError,
  InputProblem,
  measureFloors,
  type NodeHello,
  namedServer,
} from '@kmemlab/coordinator';
import type { Floors } from '@kmemlab/results';
import { InputError } from '../api.js';
import type { Cluster, ClusterPlan, StartCluster } from './cluster.js';
import { startDeadlineMs } from './start-deadline.js';

/** For a peer to be silent, if `--deadline` says nothing; ms. */
const SILENCE_MS = 5_000;
/** A broadcast to more threads than this takes longer to set up than it is worth. */
const MOST_RESPONDERS = 15;

export interface ClusterStarterOptions {
  /** Path of the program that every node process runs. */
  readonly nodeProgram: string;
  readonly env: Environment;
  /** Measure this computer's floors before the nodes start; takes one or two seconds. */
  readonly measureFloors: boolean;
}

/** Starts the node processes of live runs through a coordinator. */
export function clusterStarter(options: ClusterStarterOptions): StartCluster {
  return async (plan) => {
    try {
      return await start(options, plan);
    } catch (error) {
      if (error instanceof InputProblem) throw new InputError(error.message);
      throw error;
    }
  };
}

async function start(options: ClusterStarterOptions, plan: ClusterPlan): Promise<Cluster> {
  const { env, nodeProgram } = options;
  const choice = { env, url: plan.nats, port: plan.brokerPort };
  const startMs = startDeadlineMs(env, plan.nodes * plan.cpusPerNode);
  // Nodes registered on a server that the user named know their own limits.
  const problem = namedServer(choice) === undefined ? checkLimits(plan) : null;
  if (problem !== null) throw new InputProblem(problem);
  const broker = await chooseBroker(choice);
  try {
    const { cores, taskset } = await describeHost(env);
    const { pin = false } = plan;
    const floors = options.measureFloors ? await floorsOf(broker, plan, pin && taskset !== null) : null;
    const coordinator = await Coordinator.start({
      run: randomUUID(),
      nodes: plan.nodes,
      cpusPerNode: plan.cpusPerNode,
      payload: plan.plan,
      broker,
      nodeProgram,
      env,
      pin,
      startDeadlineMs: startMs,
      linkDeadlineMs: plan.deadlineMs ?? SILENCE_MS,
      ...(plan.signal !== undefined && { signal: plan.signal }),
    });
    return {
      call: (node, name, payload, deadlineMs) => coordinator.call(node, name, payload, deadlineMs),
      all: (name, payload, deadlineMs) => coordinator.all(name, payload, deadlineMs),
      onEvent: (name, listener) => coordinator.onEvent(name, listener),
      failure: coordinator.failure,
      stop: async () => {
        await coordinator.stop();
        await broker.close();
      },
      place: {
        broker: { kind: broker.kind, server: broker.describe },
        cores: coresOf(coordinator.hellos, cores, pin),
        pinned: pin,
        floors,
        ...(coordinator.roundTrips !== null && {
          hosts: { names: coordinator.hellos.map((hello) => hello?.host ?? ''), roundTripNs: coordinator.roundTrips },
        }),
      },
    };
  } catch (error) {
    await broker.close();
    throw error;
  }
}

/** Cores of all hosts that nodes run on; of pinned nodes, each of which has one, those that they are on. */
function coresOf(hellos: readonly (NodeHello | undefined)[], own: number, pinned: boolean): number {
  const here = hellos.filter((hello) => hello?.host === hostname()).length;
  if (pinned) return hellos.length - here + Math.min(here, own);
  const byHost = new Map<string, number>();
  for (const hello of hellos) {
    if (hello === undefined) continue;
    const cores = hello.host === hostname() ? own : Math.max(hello.cores, byHost.get(hello.host) ?? 0);
    byHost.set(hello.host, cores);
  }
  return [...byHost.values()].reduce((sum, cores) => sum + cores, 0);
}

/** Null if they cannot be measured, which is no reason not to run. Rejects only when interrupted. */
async function floorsOf(
  broker: Broker,
  { nodes, cpusPerNode, signal }: ClusterPlan,
  pin: boolean,
): Promise<Floors | null> {
  const responders = Math.min(MOST_RESPONDERS, Math.max(1, cpusPerNode - 1));
  try {
    const { pingPongNs, broadcastNs, crossNodeNs } = await measureFloors({
      quick: true,
      responders: [responders],
      pin,
      ...(nodes > 1 && { broker }),
      ...(signal !== undefined && { signal }),
    });
    return {
      pingPongNs,
      broadcastNs: broadcastNs[responders] ?? pingPongNs,
      crossNodeNs: crossNodeNs ?? null,
    };
  } catch (error) {
    if (error instanceof FloorError) return null;
    throw error;
  }
}
