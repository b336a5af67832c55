import { Worker } from 'node:worker_threads';
import type { CpuWaits } from '@kmemlab/kernel';
import type { SharedMemory, Step } from '@kmemlab/machine';
import { type Remote, releaseProxy, wrap } from 'comlink';
import { comlinkEndpoint } from './comlink-endpoint.js';
import type { CpuControl, CpuWorkerData, ThreadReport } from './cpu/worker.js';
import { within } from './event-loop.js';
import type { Inbox } from './memory/inbox.js';
import { CpuState, type Switchboard } from './memory/switchboard.js';
import type { NodeMachineOptions } from './node-machine.js';

/** A CPU that does not say where it is for so long is described from outside; host ms. */
const WHERE_DEADLINE = 500;
/** After this a CPU that was told to stop is terminated; host ms. */
const STOP_DEADLINE = 1000;

/** Threads that load their kernel at the same time: more would keep the node's main thread from being heard. */
const STARTED_AT_ONCE = 2;

interface CpuThreadsOptions extends NodeMachineOptions {
  readonly board: Switchboard;
  readonly memory: SharedMemory;
  readonly inboxes: readonly Inbox[];
  /** What the node's CPU of this index was doing when it was last seen. */
  readonly lastSeen: (index: number) => string;
}

interface Running {
  readonly cpu: number;
  readonly worker: Worker;
  readonly control: Remote<CpuControl>;
  readonly exited: Promise<void>;
}

/** The worker threads of a node's CPUs: how they are started, asked, told and stopped. */
export class CpuThreads {
  private running: Running[] = [];
  private stopping = false;
  private stopStart: () => void = () => {};
  /** The first thread that ended by itself. */
  private death: Error | undefined;
  /** Each CPU's last report, and how often its bell had rung then. */
  private readonly reports: ({ readonly rings: number; readonly report: ThreadReport } | undefined)[] = [];
  /** Rejections of the control calls under way: one to a dead thread would never settle. */
  private readonly pending = new Set<(error: Error) => void>();

  constructor(private readonly options: CpuThreadsOptions) {}

  async start(): Promise<void> {
    const { cpusPerNode } = this.options.topology;
    const stopped = new Promise<void>((resolve) => {
      this.stopStart = resolve;
    });
    for (let first = 0; first < cpusPerNode; first += STARTED_AT_ONCE) {
      const indexes = Array.from({ length: Math.min(STARTED_AT_ONCE, cpusPerNode - first) }, (_, n) => first + n);
      for (const index of indexes) this.running.push(this.startOne(index));
      const loaded = Promise.all(indexes.map((index) => this.ask(index, (control) => control.load())));
      await Promise.race([loaded, stopped]);
      if (this.stopping) throw new Error('the CPUs were stopped while they started');
    }
  }

  private startOne(index: number): Running {
    const { node, topology, costs, seed, epoch, timeScale, memory, board, inboxes, workerPlan } = this.options;
    const cpu = topology.firstCpuOf(node) + index;
    const workerData: CpuWorkerData = {
      cpu,
      node,
      nodes: topology.nodes,
      cpusPerNode: topology.cpusPerNode,
      costs,
      seed,
      epoch,
      timeScale,
      memory: memory.buffers,
      board: board.buffer,
      inboxes: inboxes.map(({ buffer }) => buffer),
      plan: workerPlan,
    };
    const worker = new Worker(this.options.workerEntry, { workerData, name: `cpu${cpu}` });
    let cause = '';
    worker.on('error', (error: Error) => {
      cause = `: ${error.message}`;
    });
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', (code) => {
        resolve();
        if (!this.stopping) this.died(cpu, `exit code ${code}${cause}`);
      });
    });
    return { cpu, worker, control: wrap<CpuControl>(comlinkEndpoint(worker)), exited };
  }

  private died(cpu: number, why: string): void {
    const index = cpu - this.options.topology.firstCpuOf(this.options.node);
    const seen = this.options.lastSeen(index);
    const detail = `the thread of CPU${cpu} on node ${this.options.node} ended (${why}); it was last seen ${seen}`;
    this.death ??= new Error(detail);
    for (const reject of this.pending) reject(this.death);
    this.options.onFailure({ kind: 'worker-died', detail });
  }

  async boot(): Promise<void> {
    await this.ask(0, (control) => control.boot());
  }

  /** Answers the machine time at which the last CPU has come to a stand. */
  async hold(): Promise<number> {
    return Math.max(...(await this.all((control) => control.hold())));
  }

  async resume(skipped: number): Promise<void> {
    await this.all((control) => control.resume(skipped));
  }

  /**
   * A CPU for which nobody has rung since it was last asked is not woken, unless a phase begins; what its own timers have made it do
   * since is in a later report, at the latest in that of the phase.
   */
  report(mark: boolean): Promise<ThreadReport[]> {
    return Promise.all(this.running.map((_, index) => this.reportOf(index, mark)));
  }

  private async reportOf(index: number, mark: boolean): Promise<ThreadReport> {
    const { board } = this.options;
    const last = this.reports[index];
    const { state } = board.statusOf(index);
    const asleep = board.isAsleep(index) && (state === CpuState.idle || state === CpuState.held);
    if (!mark && asleep && last?.rings === board.rings(index)) return last.report;
    const asked = this.ask(index, (control) => control.report(mark));
    const rings = board.rings(index);
    const report = await asked;
    this.reports[index] = mark ? undefined : { rings, report };
    return report;
  }

  /** Undefined for a CPU that does not answer. */
  where(): Promise<(Step | undefined)[]> {
    return this.ofThoseThatAnswer((control) => control.where());
  }

  /** Who waits for what on each CPU; undefined for one that does not answer. */
  waits(): Promise<(CpuWaits | undefined)[]> {
    return this.ofThoseThatAnswer((control) => control.waits());
  }

  private ofThoseThatAnswer<T>(call: (control: Remote<CpuControl>) => Promise<T>): Promise<(T | undefined)[]> {
    return Promise.all(
      this.running.map((_, index) =>
        within(WHERE_DEADLINE, this.ask(index, call), () => undefined).catch(() => undefined),
      ),
    );
  }

  /** Stop all threads; one that does not is terminated. */
  async stop(): Promise<void> {
    this.stopping = true;
    const { running, options } = this;
    this.running = [];
    this.stopStart();
    await Promise.all(
      running.map(async ({ worker, control, exited }, index) => {
        options.board.announceCall(index);
        control.stop().catch(() => {});
        await within(STOP_DEADLINE, exited, () => worker.terminate());
        control[releaseProxy]();
      }),
    );
  }

  private all<T>(call: (control: Remote<CpuControl>) => Promise<T>): Promise<T[]> {
    return Promise.all(this.running.map((_, index) => this.ask(index, call)));
  }

  /** A control call, announced on the CPU's bell since the thread may block; rejects if any thread has died or dies. */
  private ask<T>(index: number, call: (control: Remote<CpuControl>) => Promise<T>): Promise<T> {
    const control = this.running[index]?.control;
    if (control === undefined) return Promise.reject(new Error('the CPUs were stopped'));
    if (this.death !== undefined) return Promise.reject(this.death);
    this.options.board.announceCall(index);
    return new Promise<T>((resolve, reject) => {
      this.pending.add(reject);
      call(control)
        .then(resolve, reject)
        .finally(() => this.pending.delete(reject));
    });
  }
}
