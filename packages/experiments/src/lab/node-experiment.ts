import { BOOT_NODE, resolveCosts, Topology } from '@kmemlab/machine';
import { kernelOf } from '../scenario/kernel-of.js';
import { findExperiment } from '../scenario/resolve.js';
import { checked, schemas } from './live-messages.js';
import type { LiveMachine, LiveMachineOptions } from './live-node.js';
import { type NodeChannel, NodeLab } from './node-lab.js';
import { cpuPlanOf, type NodePlan, nodePlanOf } from './node-plan.js';

/** Host time from one report to the next, ms. */
const REPORT_MS = 250;

export interface NodeExperimentOptions<M extends LiveMachine> {
  readonly node: number;
  /** As the command sent it. */
  readonly plan: unknown;
  readonly channel: NodeChannel;
  /** Make this node's machine; whoever calls adds its links, its clock's epoch and the program of its workers. */
  readonly makeMachine: (options: LiveMachineOptions) => M;
}

/** A node's part of a run. */
export interface NodeExperiment<M> {
  readonly machine: M;
  /** Resolves when every CPU's thread is up and has loaded the kernel. */
  readonly started: Promise<void>;
  /** Send no more reports. */
  stop(): void;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Take part in a run as one node: build its kernel and machine, serve the command's calls, and run the experiment beside
 * all other nodes. Returns when calls are served; the run goes on until the process is told to stop.
 * @throws InputError if the plan is malformed or a user's patch does not load
 */
export async function runNodeExperiment<M extends LiveMachine>(
  options: NodeExperimentOptions<M>,
): Promise<NodeExperiment<M>> {
  const { node, channel } = options;
  const plan: NodePlan = nodePlanOf(options.plan);
  const { scenario } = plan;
  const { build } = await kernelOf(scenario);
  const topology = new Topology(scenario.nodes, scenario.cpusPerNode);
  const failed = (kind: string, detail: string): void => channel.event('failed', { kind, detail });
  const machine = options.makeMachine({
    node,
    topology,
    costs: resolveCosts(scenario.costs),
    seed: scenario.seed,
    build,
    timeScale: scenario.timeScale,
    workerPlan: cpuPlanOf(plan),
    onVerdict: (verdict) => channel.event('verdict', verdict),
    onFailure: ({ kind, detail }) => failed(kind, detail),
    onExit: (pid, outcome) => lab.exited(pid, outcome),
  });
  const lab = new NodeLab({ node, topology, seed: scenario.seed, isolcpus: scenario.isolcpus, machine, channel });
  const started = machine.start();
  const stop = serve(node, machine, started, channel);
  const running = async (): Promise<void> => {
    await findExperiment(scenario.experiment).run(lab, scenario.params);
  };
  running().catch((error: unknown) => failed('internal', messageOf(error)));
  return { machine, started, stop };
}

/** Answer the command's calls and send it reports. Returns what ends the reports. */
function serve(node: number, machine: LiveMachine, started: Promise<void>, channel: NodeChannel): () => void {
  /** Reports are made one after the other, so that none from before a mark arrives after it. */
  let last: Promise<unknown> = started.catch(() => {});
  const report = (mark: boolean) => {
    const next = last.then(() => machine.report(mark));
    last = next.catch(() => {});
    return next;
  };
  const done = async (work: void | Promise<void>): Promise<null> => {
    await work;
    return null;
  };
  channel.serve('ready', () => done(started));
  channel.serve('boot', () => done(node === BOOT_NODE ? machine.boot() : undefined));
  channel.serve('hold', () => machine.hold());
  channel.serve('bareTime', () => machine.bareTime());
  channel.serve('resume', (payload) =>
    done(machine.resume(checked(schemas.resume, payload, 'a call "resume"').skipped)),
  );
  channel.serve('quiet', () => machine.quiet());
  channel.serve('report', (payload) => report(checked(schemas.mark, payload, 'a call "report"').mark));
  channel.serve('inventory', () => machine.inventory());
  channel.serve('dump', () => machine.dump());
  channel.serve('waits', () => machine.waits());
  return reportAgainAndAgain(report, channel);
}

function reportAgainAndAgain(report: (mark: boolean) => Promise<unknown>, channel: NodeChannel): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const next = async (): Promise<void> => {
    // A machine that cannot report says itself what is wrong with it.
    const made = await report(false).catch(() => undefined);
    if (stopped) return;
    if (made !== undefined) channel.event('report', made);
    timer = setTimeout(next, REPORT_MS).unref();
  };
  void next();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
