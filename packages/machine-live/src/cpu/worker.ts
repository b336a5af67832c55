import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type CpuWaits, type KernelBuild, NodeMemory, type Stretch, startKernel, waitsOf } from '@kmemlab/kernel';
import { AttachedMemory, type Costs, type Step, Topology } from '@kmemlab/machine';
import { type PlainDurations, Recorder } from '@kmemlab/results';
import { expose } from 'comlink';
import { MachineClock } from '../clock.js';
import { comlinkEndpoint } from '../comlink-endpoint.js';
import { turnOfEventLoop } from '../event-loop.js';
import { Inbox } from '../memory/inbox.js';
import { Switchboard } from '../memory/switchboard.js';
import { ScaledSink } from '../scaled-sink.js';
import { CpuThread } from './cpu-thread.js';

/** What the node's main thread hands to each of its CPU threads. */
export interface CpuWorkerData {
  readonly cpu: number;
  readonly node: number;
  readonly nodes: number;
  readonly cpusPerNode: number;
  readonly costs: Costs;
  readonly seed: number;
  readonly epoch: bigint;
  readonly timeScale: number;
  readonly memory: readonly SharedArrayBuffer[];
  readonly board: SharedArrayBuffer;
  readonly inboxes: readonly SharedArrayBuffer[];
  /** From NodeMachineOptions.workerPlan. */
  readonly plan: unknown;
}

/** What one thread has counted since power-on, and the durations of the phase in progress. */
export interface ThreadReport {
  readonly sums: Record<string, number>;
  readonly byKind: Record<string, number>;
  readonly crossNodeByKind: Record<string, number>;
  readonly toNode: number[];
  readonly events: number;
  readonly durations: PlainDurations;
  /** css of the CPU's stock, and the references on it that the stock holds. */
  readonly stock: readonly [number, number];
}

/** Control calls that a CPU thread answers, over comlink. */
export interface CpuControl {
  /** Load the kernel. */
  load(): Promise<void>;
  /** Run start_kernel, on the boot CPU. */
  boot(): void;
  /** Come to a stand; answers with the machine time at which the CPU stands still. */
  hold(): Promise<number>;
  /** @param skipped machine time that has been skipped at marks */
  resume(skipped: number): void;
  /** @param mark begin the next phase */
  report(mark: boolean): ThreadReport;
  where(): Step;
  waits(): CpuWaits;
  stop(): void;
}

/** What a worker's entry program supplies: the kernel of the plan. */
export interface WorkerKernel {
  readonly build: KernelBuild;
  readonly stretches: readonly Stretch[];
}

const data = (): CpuWorkerData => workerData as CpuWorkerData;

/** The thread of one simulated CPU. */
class CpuWorker implements CpuControl {
  private thread: CpuThread | undefined;
  private readonly board: Switchboard;
  private readonly index: number;
  private readonly recorder = new Recorder();
  private readonly clock: MachineClock;
  private served = 0;
  private stopping = false;
  private holding: ((time: number) => void) | undefined;
  /** An answer to a control call leaves only while this thread does not block. */
  private answerOwed = false;

  constructor(
    private readonly own: CpuWorkerData,
    private readonly kernelOf: (plan: unknown) => Promise<WorkerKernel>,
  ) {
    this.board = new Switchboard(own.board, own.inboxes.length);
    this.index = own.cpu - own.node * own.cpusPerNode;
    this.clock = new MachineClock(own.epoch, own.timeScale);
  }

  async load(): Promise<void> {
    this.served++;
    const { own, recorder, clock } = this;
    const { build, stretches } = await this.kernelOf(own.plan);
    const topology = new Topology(own.nodes, own.cpusPerNode);
    const durations = new ScaledSink(recorder, own.timeScale);
    const environment = { topology, costs: own.costs, seed: own.seed, durations, probe: null };
    this.thread = new CpuThread({
      id: own.cpu,
      memory: new NodeMemory(own.node, environment, new AttachedMemory(own.memory)),
      build,
      environment,
      clock,
      board: this.board,
      inboxes: own.inboxes.map((buffer) => new Inbox(buffer)),
      stretches,
    });
    setImmediate(() => void this.loop());
  }

  boot(): void {
    this.served++;
    const cpu = this.thread?.cpu;
    cpu?.spawn('swapper', startKernel, [cpu]);
  }

  hold(): Promise<number> {
    this.served++;
    if (this.thread !== undefined) this.thread.cpu.held = true;
    return new Promise((resolve) => {
      this.holding = resolve;
    });
  }

  resume(skipped: number): void {
    this.served++;
    this.clock.resume(skipped);
    if (this.thread !== undefined) this.thread.cpu.held = false;
  }

  report(mark: boolean): ThreadReport {
    this.served++;
    const { thread, recorder } = this;
    const durations = (mark ? recorder.next() : recorder.current).toPlain();
    if (thread === undefined) throw new Error('the CPU has no kernel yet');
    const { cpu, outbox, events } = thread;
    const sums: Record<string, number> = {};
    cpu.counters.addTo(sums);
    thread.memoryCounters.addTo(sums);
    const { stockRefs } = cpu.build.policies.memcg;
    const stock = [cpu.stock.css, stockRefs(cpu.stock)] as const;
    const { sent } = outbox;
    const kinds = { byKind: sent.byKind(), crossNodeByKind: sent.crossNodeByKind() };
    return { sums, ...kinds, toNode: [...sent.toNode], events, durations, stock };
  }

  where(): Step {
    this.served++;
    if (this.thread === undefined) throw new Error('the CPU has no kernel yet');
    return this.thread.cpu.step();
  }

  waits(): CpuWaits {
    this.served++;
    if (this.thread === undefined) throw new Error('the CPU has no kernel yet');
    return waitsOf(this.thread.cpu);
  }

  stop(): void {
    this.served++;
    this.stopping = true;
  }

  /** Until told to stop: serve control calls, take turns, sleep. */
  private async loop(): Promise<void> {
    const { board, index } = this;
    const thread = this.thread as CpuThread;
    for (;;) {
      while (board.announcedCalls(index) !== this.served && !this.stopping) await turnOfEventLoop();
      if (this.stopping) break;
      const seen = board.rings(index);
      thread.turn();
      this.standStill(thread);
      if (this.answerOwed) {
        this.answerOwed = false;
        await turnOfEventLoop();
      }
      const ms = thread.sleepMs();
      if (ms === 0 || board.announcedCalls(index) !== this.served) continue;
      thread.publishState(thread.restingState());
      board.sleep(index, seen, ms, thread.sleepsFor);
    }
    // What answers the last call has to leave the thread first.
    await turnOfEventLoop();
    (parentPort as MessagePort).close();
  }

  private standStill(thread: CpuThread): void {
    if (this.holding === undefined || !thread.canStandStill) return;
    this.holding(this.clock.stop());
    this.holding = undefined;
    this.answerOwed = true;
  }
}

/** Run this worker thread as a CPU. `kernelOf` makes the kernel of the run's plan; it is called once. */
export function runCpuWorker(kernelOf: (plan: unknown) => Promise<WorkerKernel>): void {
  if (parentPort === null) throw new Error('a CPU runs in a worker thread');
  expose(new CpuWorker(data(), kernelOf), comlinkEndpoint(parentPort));
}
