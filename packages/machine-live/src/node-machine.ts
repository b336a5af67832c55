import {
  birthCpu,
  type CpuWaits,
  GuestAgent,
  handlerCount,
  housekeepingCpus,
  inventoryOf,
  type KernelBuild,
  KernelNode,
  type NodeInventory,
  type NodeWaits,
  nodeWaitsOf,
  type Placement,
  type Program,
  Scalar,
} from '@kmemlab/kernel';
import { type Costs, RandomStream, SharedMemory, type Topology, type Verdict } from '@kmemlab/machine';
import { PhaseDurations, Recorder, sumByName } from '@kmemlab/results';
import { AgentLoop } from './agent/agent-loop.js';
import { MemoryAgent, type Outlet } from './agent/memory-agent.js';
import { MachineClock } from './clock.js';
import type { ThreadReport } from './cpu/worker.js';
import { CpuThreads } from './cpu-threads.js';
import { Inbox } from './memory/inbox.js';
import { cpuStateName, Switchboard } from './memory/switchboard.js';
import { decodeMessage, Message } from './message.js';
import type { CpuDump, NodeReport, Quiet } from './node-report.js';
import { ScaledSink } from './scaled-sink.js';

/** Cells of 8 bytes in an inbox. */
const CPU_INBOX = 1 << 15;
const AGENT_INBOX = 1 << 18;
/** For an acknowledgement to wait for others, host ms. */
const KEPT_BACK_MS = 1;

export interface NodeMachineOptions {
  readonly node: number;
  readonly topology: Topology;
  readonly costs: Costs;
  readonly seed: number;
  readonly build: KernelBuild;
  /** Machine seconds per host second. */
  readonly timeScale: number;
  /** process.hrtime.bigint() at machine time 0; nodes of one host share it. */
  readonly epoch: bigint;
  /** Program of the CPU threads: calls `runCpuWorker`. */
  readonly workerEntry: URL;
  /** Handed to that program, to build the same kernel from. Structured-cloned. */
  readonly workerPlan: unknown;
  /** Links to the other nodes, by number. */
  readonly links: ReadonlyMap<
    number,
    Outlet & { flush(): void; readonly sent: number; readonly received: number; readonly idle: boolean }
  >;
  readonly onVerdict: (verdict: Verdict) => void;
  readonly onFailure: (failure: { readonly kind: string; readonly detail: string }) => void;
  /** A guest program of this node ended. */
  readonly onExit: (pid: number, outcome: { readonly value: unknown } | { readonly error: string }) => void;
}

/**
 * One NUMA node on this process: a memory agent on its main thread and a worker thread per CPU, with memory that they
 * share, and links to the other nodes.
 */
export class NodeMachine {
  private readonly kernel: KernelNode;
  private readonly memory = new SharedMemory();
  private readonly board: Switchboard;
  private readonly inboxes: readonly Inbox[];
  private readonly agent: MemoryAgent;
  private readonly loop: AgentLoop;
  private readonly threads: CpuThreads;
  private readonly guests: GuestAgent;
  private readonly recorder = new Recorder();
  private readonly clock: MachineClock;
  private readonly arriving = new Message();
  private readonly agentThread: number;
  private readonly background = new Set<number>();
  private returnedCalls = 0;
  private keptBack: NodeJS.Timeout | undefined;

  constructor(private readonly options: NodeMachineOptions) {
    const { node, topology, costs, seed, build, timeScale, epoch } = options;
    const cpus = topology.cpusPerNode;
    this.agentThread = cpus;
    this.clock = new MachineClock(epoch, timeScale);
    const durations = new ScaledSink(this.recorder, timeScale);
    this.kernel = new KernelNode(node, { topology, costs, seed, durations, probe: null }, this.memory);
    this.board = Switchboard.create(cpus + 1);
    this.inboxes = Array.from({ length: cpus + 1 }, (_, index) =>
      Inbox.create(index === cpus ? AGENT_INBOX : CPU_INBOX),
    );
    this.guests = this.newGuests();
    this.agent = new MemoryAgent({
      node: this.kernel,
      build,
      clock: this.clock,
      board: this.board,
      inboxes: this.inboxes,
      outlets: options.links,
      listener: {
        onVerdict: options.onVerdict,
        onFailure: (detail) => options.onFailure({ kind: 'internal', detail }),
        onReturned: (task, result, cpu) => {
          if (!this.background.has(task.session)) this.returnedCalls++;
          this.guests.returned(task, result, cpu);
        },
      },
    });
    const failed = (error: unknown): void => options.onFailure({ kind: 'internal', detail: String(error) });
    this.loop = new AgentLoop(this.agent, this.board, this.agentThread, () => this.flush(), failed);
    this.threads = new CpuThreads({
      ...options,
      board: this.board,
      memory: this.memory,
      inboxes: this.inboxes,
      lastSeen: (index) => this.lastSeen(index),
    });
  }

  /** CPUs on which a task may be that is not pinned. */
  private get housekeeping(): readonly number[] {
    const { topology, build } = this.options;
    return housekeepingCpus(topology, build.config.isolcpus ?? []);
  }

  private lastSeen(index: number): string {
    const { state, place } = this.board.statusOf(index);
    const cpu = this.options.topology.firstCpuOf(this.options.node) + index;
    const { task, stack } = this.agent.placeOf(cpu, place);
    return stack.length === 0 ? cpuStateName(state) : `${cpuStateName(state)} in ${stack[0]}, task ${task}`;
  }

  private newGuests(): GuestAgent {
    const { seed, node, costs, onExit } = this.options;
    const random = new RandomStream(seed, `guest${node}`);
    const port = {
      dispatch: (...[cpu, task, syscall]: Parameters<MemoryAgent['dispatch']>) =>
        this.agent.dispatch(cpu, task, syscall),
      leave: (cpu: number, pid: number) => this.agent.leave(cpu, pid),
      exited: (pid: number, outcome: { value: unknown } | { error: unknown }) => {
        if ('value' in outcome) onExit(pid, outcome);
        else onExit(pid, { error: outcome.error instanceof Error ? outcome.error.message : String(outcome.error) });
      },
    };
    return new GuestAgent(this.kernel, this.housekeeping, random, seed, port, costs['user.step']);
  }

  /** Bring the CPUs up, each with its kernel loaded. */
  async start(): Promise<void> {
    this.loop.start();
    await this.threads.start();
  }

  /** Run start_kernel on the boot CPU; for the boot node. */
  async boot(): Promise<void> {
    await this.threads.boot();
  }

  /** A message from another node. @throws MessageError if it is none */
  receive(bytes: Uint8Array): void {
    const { node, topology } = this.options;
    const limits = { node, nodes: topology.nodes, cpus: topology.cpuCount, handlers: handlerCount() };
    this.agent.receive(decodeMessage(bytes, limits, this.arriving));
    this.flush();
  }

  /** Start a guest program as a new task in the root cgroup and the root directory. */
  startProgram(pid: number, name: string, program: Program<unknown>, placement: Placement): void {
    const { published } = this.kernel;
    const cpu = birthCpu(placement, pid, this.options.seed, this.housekeeping);
    const cwd = published.scalar(Scalar.rootDentry);
    this.guests.start({ pid, name, program, placement }, { cpu, cwd });
    this.flush();
  }

  /** Start one that runs beside the phases; its system calls are no progress. */
  startBackground(pid: number, name: string, program: Program<unknown>, placement: Placement): void {
    this.background.add(pid);
    this.startProgram(pid, name, program, placement);
  }

  /** Start another program in a task whose last program has returned. */
  continueProgram(pid: number, program: Program<unknown>, placement: Placement): void {
    const last = this.guests.lastState(pid);
    if (last === undefined) throw new Error(`no task of this node has pid ${pid}`);
    this.guests.resumeAs(last.task, program, placement, last.cpu);
    this.flush();
  }

  /**
   * Bring all CPUs to a stand at a point where nothing new can start, and with them the node's clocks. Interrupts are still
   * taken. Answers the machine time at which the node stands.
   */
  async hold(): Promise<number> {
    return Math.max(await this.threads.hold(), this.clock.stop());
  }

  /** Machine time if no time were ever skipped, ns. */
  bareTime(): number {
    return this.clock.bare();
  }

  /** @param skipped what all clocks of the machine lag behind the bare time from now on, ns */
  async resume(skipped: number): Promise<void> {
    this.clock.resume(skipped);
    await this.threads.resume(skipped);
  }

  quiet(): Quiet {
    const { board, agent, agentThread, inboxes, kernel } = this;
    let idle = agent.idle && !kernel.busyPools;
    let activity = board.rings(agentThread) + agent.events;
    for (let cpu = 0; cpu < agentThread; cpu++) {
      idle &&= board.isAsleep(cpu) && !board.isBusy(cpu) && !board.hasVectors(cpu) && (inboxes[cpu] as Inbox).isEmpty;
      activity += board.rings(cpu);
    }
    let sent = 0;
    let received = 0;
    for (const link of this.options.links.values()) {
      idle &&= link.idle;
      sent += link.sent;
      received += link.received;
    }
    return { idle, sent, received, activity };
  }

  /** @param mark begin the next phase: durations start anew */
  async report(mark: boolean): Promise<NodeReport> {
    const reports = await this.threads.report(mark);
    const own = mark ? this.recorder.next() : this.recorder.current;
    const durations = PhaseDurations.fromPlain(own.toPlain());
    for (const report of reports) durations.merge(PhaseDurations.fromPlain(report.durations));
    const { agent, board, kernel } = this;
    const words = kernel.allWords();
    const perCpu = <T>(pick: (cpu: number) => T): T[] => words.map((_, index) => pick(index));
    return {
      node: kernel.id,
      at: Math.floor(this.clock.time()),
      sums: this.sumsOf(reports),
      cal: words.map(({ interrupts }) => interrupts.call),
      res: words.map(({ interrupts }) => interrupts.reschedule),
      loc: words.map(({ interrupts }) => interrupts.localTimer),
      disturbances: words.map(({ disturbances }) => disturbances.copy()),
      received: perCpu((cpu) => board.receivedCount(cpu)),
      merged: perCpu((cpu) => board.mergedCount(cpu)),
      events: agent.events + reports.reduce((sum, { events }) => sum + events, 0),
      messages: {
        byKind: sumByName([agent.sent.byKind(), ...reports.map(({ byKind }) => byKind)]),
        crossNodeByKind: sumByName([
          agent.sent.crossNodeByKind(),
          ...reports.map(({ crossNodeByKind }) => crossNodeByKind),
        ]),
        byCpu: reports.map(({ toNode }) => toNode.reduce((sum, n) => sum + n, 0)),
        toNode: agent.sent.toNode.map((n, to) => n + reports.reduce((sum, { toNode }) => sum + (toNode[to] ?? 0), 0)),
      },
      durations: durations.toPlain(),
      progress: this.returnedCalls,
    };
  }

  private sumsOf(reports: readonly ThreadReport[]): Record<string, number> {
    const own: Record<string, number> = {};
    this.kernel.counters.addTo(own);
    return sumByName([own, ...reports.map(({ sums }) => sums)]);
  }

  async inventory(): Promise<NodeInventory> {
    const reports = await this.threads.report(false);
    return inventoryOf(
      this.kernel,
      reports.map(({ stock: [css, refs] }) => ({ css, refs })),
    );
  }

  /** Where every CPU is; of one that does not answer, what it last left in memory. */
  async dump(): Promise<CpuDump[]> {
    const steps = await this.threads.where();
    const first = this.options.topology.firstCpuOf(this.options.node);
    return steps.map((step, index) => {
      const { state, place, since } = this.board.statusOf(index);
      const cpu = first + index;
      const { task, stack } = this.agent.placeOf(cpu, place);
      const known = step ?? { cpu, task, function: stack[0] ?? 'idle', time: since, stack };
      const name = this.board.isAsleep(index) ? cpuStateName(state) : 'running';
      return { ...known, state: name, since, answered: step !== undefined };
    });
  }

  /** Who waits for whom here: on the CPUs that answer, and at what is homed on the node. */
  async waits(): Promise<{ readonly cpus: readonly CpuWaits[]; readonly node: NodeWaits }> {
    const cpus = await this.threads.waits();
    return { cpus: cpus.filter((waits) => waits !== undefined), node: nodeWaitsOf(this.kernel) };
  }

  /** Stop the CPUs, then the agent. Nothing is left of the node afterwards. */
  async stop(): Promise<void> {
    await this.threads.stop();
    await this.loop.stop();
    this.keepNothingBack();
  }

  /** What this node's agent has for others goes out, except what waits for acknowledgements that are to go with it. */
  private flush(): void {
    let kept = false;
    for (const [node, link] of this.options.links) {
      if (this.agent.acknowledgements.areComplete(node)) link.flush();
      else kept = true;
    }
    if (!kept) this.keepNothingBack();
    else this.keptBack ??= setTimeout(() => this.flushAll(), KEPT_BACK_MS);
  }

  private flushAll(): void {
    this.agent.acknowledgements.giveUp();
    this.flush();
  }

  private keepNothingBack(): void {
    clearTimeout(this.keptBack);
    this.keptBack = undefined;
  }
}
