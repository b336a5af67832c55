import {
  Cpu,
  type DurationSink,
  fallbackCpu,
  housekeepingCpus,
  type KernelBuild,
  KernelNode,
  type Placement,
  type Probe,
  type Program,
  type Stretch,
  type Syscall,
  type SyscallResult,
  startKernel,
  type TaskRecord,
} from '@kmemlab/kernel';
import {
  BOOT_CPU,
  type Context,
  type Core,
  type Costs,
  failureLine,
  type PendingTimer,
  type Port,
  type PostEffect,
  PrivateMemory,
  RandomStream,
  type RequestEffect,
  type Topology,
  type Verdict,
  VerdictError,
} from '@kmemlab/machine';
import { ArmedTimers } from './armed-timers.js';
import { randomStalls } from './deciders.js';
import { EventDigest } from './digest.js';
import { EventQueue } from './event-queue.js';
import { type CallEvent, EventKind, EventOf, type MessageEvent, type SimEvent, type ThreadEvent } from './events.js';
import { type Guest, Guests } from './guests.js';
import { Interconnect } from './interconnect.js';
import { MemoryService } from './memory-service.js';
import type { MessageCounts } from './message-counts.js';
import { type Decider, type Place, StallOrder, type Strategy, timeOrder } from './strategy.js';
import { WorkClocks } from './work-clocks.js';

/** Work below this many ns is added up before it takes model time. */
const WORK_GRAIN = 400;

export type StrategyName = 'time' | 'random';

export interface SimOptions {
  readonly build: KernelBuild;
  readonly topology: Topology;
  readonly costs: Costs;
  readonly seed: number;
  readonly strategy: StrategyName;
  readonly durations: DurationSink;
  readonly probe: Probe | null;
  readonly stretches: readonly Stretch[];
}

/**
 * The deterministic machine: every CPU and node in one thread, one queue of events in model time (integer ns). The same
 * options give the same events, hence the same digest, on every computer.
 */
export class SimMachine implements Port {
  readonly nodes: readonly KernelNode[];
  readonly cpus: readonly Cpu[];
  /** CPUs that are not isolated, ascending. */
  readonly housekeeping: readonly number[];
  readonly digest = new EventDigest();
  /** Verdicts so far; the first one ends the run. */
  readonly verdicts: Verdict[] = [];
  /** Model code threw something that is no verdict. */
  failure: unknown = undefined;
  /** Called with every event before it happens, for comparing two runs. */
  onEvent: ((time: number, kind: number, actor: number, detail: number) => void) | null = null;
  /** Called with every event, too, for those who look into it. */
  onStep: ((event: SimEvent, time: number) => void) | null = null;

  /** Called with every event that the one that happens brings about; again if it is put off. */
  set onSend(listener: ((event: SimEvent) => void) | null) {
    this.queue.onPush = listener;
  }

  private readonly costs: Costs;
  private readonly queue = new EventQueue<SimEvent>();
  private strategy: Strategy;
  private readonly interconnect: Interconnect;
  private readonly memory: MemoryService;
  private readonly guests: Guests;
  private readonly workClocks: WorkClocks;
  private readonly timers = new ArmedTimers();
  private clock = 0;

  constructor(private readonly options: SimOptions) {
    const { topology, build, costs, seed, durations, probe, stretches } = options;
    const { cpuCount } = topology;
    this.costs = costs;
    this.strategy =
      options.strategy === 'time' ? timeOrder : this.stalled(randomStalls(new RandomStream(seed, 'strategy')));
    this.interconnect = new Interconnect(topology, costs, this.queue);
    this.workClocks = new WorkClocks(cpuCount);
    const environment = { topology, costs, seed, durations, probe };
    this.nodes = Array.from(
      { length: topology.nodes },
      (_, id) => new KernelNode(id, environment, new PrivateMemory()),
    );
    this.memory = new MemoryService(build, this.nodes, this.interconnect, durations, costs['handler.service']);
    this.cpus = Array.from({ length: cpuCount }, (_, id) => {
      const node = this.nodes[topology.nodeOf(id)] as KernelNode;
      const cpu = new Cpu(id, node, build, environment, this, WORK_GRAIN);
      cpu.stretches = stretches.length === 0 ? null : stretches.map((stretch) => ({ ...stretch }));
      return cpu;
    });
    this.housekeeping = housekeepingCpus(topology, build.config.isolcpus ?? []);
    this.guests = new Guests(topology, this.nodes, seed, this.housekeeping, costs['user.step'], {
      dispatch: (cpu, task, syscall, delay) => this.dispatch(cpu, task, syscall, delay),
      leave: (cpu, pid) => this.cpu(cpu).leaveUser(pid),
    });
  }

  // Driving the machine.

  /** Run the boot code; the caller then runs events until the machine is quiet. */
  boot(): void {
    const cpu = this.cpu(BOOT_CPU);
    cpu.spawn('swapper', startKernel, [cpu]);
    cpu.run();
  }

  /** Start a guest program as a new task; see {@link Guests.start}. Returns its pid. */
  startProgram(
    name: string,
    program: Program<unknown> | ((pid: number) => Program<unknown>),
    placement: Placement,
  ): number {
    return this.guests.start(name, program, placement);
  }

  /** Start another program in a task whose last program has returned. */
  continueProgram(pid: number, program: Program<unknown>, placement: Placement): void {
    this.guests.resume(pid, program, placement);
  }

  /** A task that was started. @throws Error if none has this pid */
  guest(pid: number): Guest {
    return this.guests.guest(pid);
  }

  /** System calls that have returned to a task. */
  callsOf(pid: number): number {
    return this.guests.callsOf(pid);
  }

  /**
   * From now on some CPUs are late, as the decider says. Answers with the order, which keeps the stalls made.
   * @param windows labels of the preemption points that count as such for the decider; all if absent
   * @param place where in its schedule the machine is; at the beginning if absent
   */
  schedule(decide: Decider, windows?: readonly string[], place?: Place): StallOrder {
    const order = this.stalled(decide, windows, place);
    this.strategy = order;
    return order;
  }

  /** How often somebody has been held up in this schedule. */
  get stallsMade(): number {
    return this.strategy instanceof StallOrder ? this.strategy.stalls.length : 0;
  }

  private stalled(decide: Decider, windows?: readonly string[], place?: Place): StallOrder {
    const atPoint = (cpu: number): boolean => {
      const point = this.cpu(cpu).atPoint;
      return point !== null && (windows?.includes(point) ?? true);
    };
    return new StallOrder(decide, this.options.topology.cpuCount, atPoint, place);
  }

  get messages(): MessageCounts {
    return this.interconnect.messages;
  }

  get received(): readonly number[] {
    return this.interconnect.received;
  }

  get merged(): readonly number[] {
    return this.interconnect.merged;
  }

  get modelTime(): number {
    return this.clock;
  }

  /** Call-function interrupts raised and not yet taken by their CPU. */
  get interruptsInFlight(): number {
    return this.interconnect.doorbells + this.cpus.reduce((sum, cpu) => sum + cpu.callFunctionPending, 0);
  }

  /** A message or a call-function doorbell is under way, or a work item is left. */
  private get underWay(): boolean {
    if (this.messages.inFlight > 0 || this.interconnect.doorbells > 0) return true;
    return this.nodes.some((node) => node.busyPools);
  }

  /** No CPU runs anything or waits for a reply, and no callback, work item or message is left; sleeping tasks may be. */
  get quiet(): boolean {
    return !this.underWay && !this.cpus.some((cpu) => cpu.busy);
  }

  /** No coroutine is alive, so that a checkpoint keeps everything. Callbacks and timers may be pending: they have not begun. */
  get still(): boolean {
    return !this.underWay && !this.cpus.some((cpu) => cpu.hasCoroutines);
  }

  /**
   * Let events happen until `until` is true before one of them, none is left, `limit` have happened, or the run has ended
   * with a verdict or failure. Returns why it stopped.
   */
  run(until: () => boolean, limit: number): 'reached' | 'empty' | 'limit' | 'ended' {
    for (let n = 0; n < limit; n++) {
      if (this.verdicts.length > 0 || this.failure !== undefined) return 'ended';
      if (until()) return 'reached';
      const next = this.strategy.next(this.queue);
      if (next === undefined) return 'empty';
      this.clock = Math.max(this.clock, this.queue.time);
      this.happen(next);
    }
    return 'limit';
  }

  /** What the checker found outside of model code. */
  report(verdict: Verdict): void {
    this.verdicts.push(verdict);
  }

  // Port: what the CPUs ask for.

  time(): number {
    return this.clock;
  }

  now(core: Core): number {
    return this.clock + core.debt;
  }

  work(core: Core, ns: number): boolean {
    const end = this.clock + ns;
    const epoch = this.workClocks.start(core.id, end);
    this.queue.push(end, new EventOf(EventKind.workDone, this.interconnect.ownChannel(core.id, 0), core.id, epoch));
    return false;
  }

  interruptWork(core: Core): number {
    return this.workClocks.interrupt(core.id, this.clock);
  }

  request(core: Core, context: Context, effect: RequestEffect<unknown>): void {
    const { homes, handler, args, object } = effect;
    const time = this.clock + core.debt;
    if (typeof homes === 'number') this.interconnect.send(core, time, homes, handler, args, object, context, 0);
    else {
      for (let index = 0; index < homes.length; index++) {
        this.interconnect.send(core, time, homes[index] as number, handler, args, object, context, index);
      }
    }
    core.debt = 0;
  }

  post(core: Core, { homes: home, handler, args, object }: PostEffect): void {
    this.interconnect.send(core, this.clock + core.debt, home, handler, args, object, null, 0);
  }

  raise(core: Core, cpus: readonly number[], vector: number): void {
    for (const target of cpus) {
      core.debt += this.costs['ipi.send'];
      this.interconnect.ring(core.id, target, vector, this.clock + core.debt);
    }
  }

  timer(core: Core, delay: number, name: string, data: number, deferrable: boolean): number {
    const at = core.now() + delay;
    const event = this.timers.arm(this.interconnect.ownChannel(core.id, 1), core.id, at, name, data, deferrable);
    this.queue.push(at, event);
    return event.body.id;
  }

  cancelTimer(_core: Core, timer: number): void {
    this.timers.disarm(timer);
  }

  takeTimers(core: Core): PendingTimer[] {
    return this.timers.takeAll(core.id, core.now());
  }

  failed(core: Core, error: unknown): void {
    this.fail(error, () => core.failure(error));
  }

  // Events.

  private happen(event: SimEvent): void {
    const actor = event.kind === EventKind.message ? event.body.node : event.cpu;
    const detail = event.kind === EventKind.message ? event.body.handler.hash : event.channel;
    this.digest.add(this.clock, event.kind, actor, detail);
    this.onEvent?.(this.clock, event.kind, actor, detail);
    this.onStep?.(event, this.clock);
    if (event.kind === EventKind.message) this.handle(event);
    else if (this.deliver(this.cpu(event.cpu), event)) this.cpu(event.cpu).run();
  }

  /** Bring an event to its CPU. False if the CPU has nothing to do because of it, at least not yet. */
  private deliver(cpu: Cpu, event: Exclude<SimEvent, MessageEvent>): boolean {
    switch (event.kind) {
      case EventKind.workDone:
        if (!this.workClocks.counts(event.cpu, event.body)) return false;
        cpu.workDone();
        return true;
      case EventKind.answer:
        this.messages.arrived();
        cpu.deliverAnswer(event.body.context, event.body.index, event.body.value);
        return true;
      case EventKind.completion:
        this.messages.arrived();
        return !cpu.deliverCompletion(event.body.waiter, event.body.value) || this.runsAtOnce(cpu, event.body.from);
      case EventKind.thread:
        if (cpu.refuses(event.body.thread)) return this.sendOn(cpu, event);
        this.messages.arrived();
        cpu.deliverThread(event.body.thread, event.body.data);
        return this.runsAtOnce(cpu, event.body.from);
      case EventKind.doorbell:
        this.interconnect.deliverDoorbell(cpu, event.body);
        return true;
      case EventKind.timer:
        if (!this.timers.disarm(event.body.id)) return false;
        cpu.timers.expire(event.body.name, event.body.data, event.body.deferrable);
        return true;
      case EventKind.syscall:
        if (cpu.refuses(null)) {
          cpu.leaveUser(event.body.task.pid);
          return this.sendOn(cpu, event);
        }
        this.messages.arrived();
        cpu.deliverSyscall(event.body.task, event.body.syscall, (task, result) =>
          this.syscallReturned(cpu, task, result),
        );
        return true;
      case EventKind.returned:
        this.messages.arrived();
        this.guests.returned(event.body.task, event.body.result, event.cpu);
        return false;
    }
  }

  /** A task has come to a CPU that is going down or gone: it goes on to another. */
  private sendOn(from: Cpu, { kind, body }: ThreadEvent | CallEvent): false {
    const cpu = fallbackCpu(from.published, from.topology, from.id);
    if (kind === EventKind.syscall) this.cpu(cpu).enterUser(body.task.pid);
    this.queue.push(
      this.clock,
      new EventOf(kind, this.interconnect.ownChannel(cpu, 2), cpu, body) as ThreadEvent | CallEvent,
    );
    return false;
  }

  /** A task was woken: a waker on another CPU sends an interrupt, which makes the CPU look. */
  private runsAtOnce(cpu: Cpu, waker: number): boolean {
    if (waker === cpu.id) return true;
    this.interconnect.ring(waker, cpu.id, cpu.wokenBy(waker), this.clock);
    return false;
  }

  private handle(event: MessageEvent): void {
    try {
      this.memory.serve(event, this.clock);
    } catch (error) {
      const { handler, node } = event.body;
      this.fail(error, () => failureLine(error, `handler ${handler.name} at node ${node}`));
    }
  }

  // Guests.

  private dispatch(cpu: number, task: TaskRecord, syscall: Syscall, delay: number): void {
    this.cpu(cpu).enterUser(task.pid);
    this.messages.started();
    const channel = this.interconnect.ownChannel(cpu, 2);
    this.queue.push(this.clock + delay, new EventOf(EventKind.syscall, channel, cpu, { task, syscall }));
  }

  private syscallReturned(cpu: Cpu, task: TaskRecord, result: SyscallResult): void {
    this.messages.started();
    const channel = this.interconnect.ownChannel(cpu.id, 2);
    this.queue.push(cpu.now(), new EventOf(EventKind.returned, channel, cpu.id, { task, result }));
  }

  private cpu(id: number): Cpu {
    return this.cpus[id] as Cpu;
  }

  private fail(error: unknown, line: () => string): void {
    if (error instanceof VerdictError) this.verdicts.push(error.verdict);
    else this.failure ??= new Error(line(), { cause: error });
  }
}
