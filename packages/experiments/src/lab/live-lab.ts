import { housekeepingCpus, type NodeInventory, type Placement } from '@kmemlab/kernel';
import { BOOT_NODE, type Topology } from '@kmemlab/machine';
import type { Cluster } from './cluster.js';
import { countDeadCaches } from './findings.js';
import { checked, schemas } from './live-messages.js';
import { type LiveLabOptions, LiveMonitor } from './live-monitor.js';
import { LiveNodes } from './live-nodes.js';
import type { Observed } from './observed.js';
import { takeMark, untilQuiet } from './phase-mark.js';
import type { PhaseRecord } from './phase-record.js';
import { programFailure } from './program-failure.js';
import { emptyReading, type Reading, readingOf } from './reading.js';
import { RunSignal } from './run-signal.js';
import type { Lab, PhaseOptions, ProgramFactory } from './types.js';

/** Within which nodes give their last figures after the end of a run, ms. */
const LAST_LOOK_MS = 2000;

/** How the program of a lab call ended. */
interface Exit {
  readonly value?: unknown;
  readonly error?: string | undefined;
}

/**
 * An experiment's view of the live machine, in the command's process. Every node process runs the same experiment; each
 * call of the lab has a number, the same everywhere. This lab says when a call begins and ends, the nodes' labs run the
 * programs. A phase: `begin` everywhere, the program's `exited`, rest if it is asked for, then the mark with all CPUs
 * held, and `end` with the program's value.
 */
export class LiveLab implements Lab {
  readonly topology: Topology;
  readonly housekeeping: readonly number[];
  readonly observed: Observed;
  private readonly cluster: Cluster;
  private readonly monitor: LiveMonitor;
  private readonly phases: PhaseRecord[] = [];
  private readonly exits = new Map<number, Exit>();
  private readonly waiting = new Map<number, (exit: Exit) => void>();
  private stopping = false;
  private readonly backgroundCalls: number[] = [];
  private inventories: readonly NodeInventory[] = [];
  private deadCaches = 0;
  private mark: Reading;
  /** Calls that nobody waits for yet, in order. */
  private begun: Promise<void> = Promise.resolve();
  private number = 0;

  constructor(private readonly options: LiveLabOptions) {
    const { cluster, topology } = options;
    this.cluster = cluster;
    this.topology = topology;
    this.housekeeping = housekeepingCpus(topology, options.isolcpus);
    this.mark = emptyReading(topology.cpuCount);
    const monitor = new LiveMonitor(options);
    this.monitor = monitor;
    this.observed = {
      clock: 'host',
      phases: this.phases,
      verdicts: monitor.verdicts,
      reading: () => monitor.reports.reading(this.deadCaches),
      durations: () => monitor.reports.durations(),
      inventories: () => this.inventories,
      live: { place: cluster.place, asOf: () => monitor.reports.asOf() },
    };
    monitor.listen('exited', (payload, node) => {
      const { number, ...exit } = checked(schemas.exited, payload, `an exit on node ${node}`);
      this.exits.set(number, exit);
      this.waiting.get(number)?.(exit);
    });
  }

  async boot(): Promise<void> {
    const { monitor } = this;
    await monitor.nodes.ready();
    const { modelNs } = readingOf(await monitor.nodes.report(false), 0);
    this.mark = { ...this.mark, modelNs };
    monitor.begin('boot', 0);
    await monitor.nodes.boot(BOOT_NODE);
    await untilQuiet(monitor);
    await this.endPhase('boot');
  }

  background(_name: string, _program: ProgramFactory<unknown>, _placement: Placement): void {
    this.backgroundCalls.push(this.beginLater());
  }

  stopBackground(): void {
    this.stopping = true;
    this.beginLater();
  }

  phase<T>(name: string, _program: ProgramFactory<T>, _placement: Placement, options?: PhaseOptions): Promise<T> {
    return this.runPhase<T>(name, options);
  }

  nextPhase<T>(name: string, _program: ProgramFactory<T>, _placement: Placement, options?: PhaseOptions): Promise<T> {
    return this.runPhase<T>(name, options);
  }

  /** Wait for background tasks that were asked to end; not part of any phase. */
  async drain(): Promise<void> {
    await this.begun;
    if (this.backgroundCalls.length > 0) this.monitor.begin('end', 0);
    await this.backgroundEnded('end');
    this.monitor.pause();
  }

  /** Figures from after the last mark, if all nodes still answer, after the run has ended. */
  async lastLook(): Promise<void> {
    this.close();
    const open = new RunSignal();
    const nodes = new LiveNodes(this.cluster, open, LAST_LOOK_MS);
    const gone = this.cluster.failure.then(() => Promise.reject(new Error('gone')));
    const look = async (): Promise<void> => {
      for (const report of await nodes.report(false)) this.monitor.reports.take(report);
      this.keep(await nodes.inventory());
    };
    await Promise.race([look(), gone]).catch(() => {});
  }

  /** Hear no more of what ends the run. */
  close(): void {
    this.monitor.close();
  }

  private nextNumber(): number {
    return ++this.number;
  }

  /** Begin a call that the experiment does not wait for; the next phase does. */
  private beginLater(): number {
    const number = this.nextNumber();
    this.begun = this.begun.then(() => this.monitor.nodes.begin(number));
    this.begun.catch(() => {});
    return number;
  }

  private async backgroundEnded(phase: string): Promise<void> {
    for (const number of this.backgroundCalls) returnedBy(await this.exitOf(number), phase);
  }

  private async runPhase<T>(name: string, { total = 0, until = 'returned' }: PhaseOptions = {}): Promise<T> {
    const { monitor } = this;
    const number = this.nextNumber();
    await this.begun;
    monitor.begin(name, total);
    await monitor.nodes.begin(number);
    const value = returnedBy(await this.exitOf(number), name);
    if (this.stopping) await this.backgroundEnded(name);
    if (until === 'quiet') await untilQuiet(monitor);
    await this.endPhase(name);
    await monitor.nodes.end(number, value);
    return value as T;
  }

  private exitOf(number: number): Promise<Exit> {
    const known = this.exits.get(number);
    if (known !== undefined) return Promise.resolve(known);
    return this.monitor.signal.race(new Promise<Exit>((resolve) => this.waiting.set(number, resolve)));
  }

  private async endPhase(name: string): Promise<void> {
    const { monitor } = this;
    monitor.pause();
    const { reports, inventories } = await takeMark(monitor, this.options.timeScale);
    this.keep(inventories);
    const to = readingOf(reports, this.deadCaches);
    this.phases.push({ name, from: this.mark, to, durations: monitor.reports.mark(reports) });
    this.mark = to;
    monitor.figures();
  }

  private keep(inventories: readonly NodeInventory[]): void {
    this.inventories = inventories;
    this.deadCaches = countDeadCaches(inventories);
  }
}

/** What a program returned. Throws what it threw. */
function returnedBy({ value, error }: Exit, phase: string): unknown {
  if (error !== undefined) throw programFailure(phase, error);
  return value;
}
