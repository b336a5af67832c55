import {
  Cpu,
  type DurationSink,
  GuestAgent,
  type GuestPort,
  type KernelBuild,
  KernelNode,
  type Placement,
  type Probe,
  type Program,
  rootMemcg,
  Scalar,
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
  cpuOfWaiter,
  type Handler,
  type HandlerContext,
  isCallFunction,
  type Port,
  type PostEffect,
  RandomStream,
  type RequestEffect,
  type Topology,
  Vector,
  type Verdict,
  VerdictError,
} from '@kmemlab/machine';
import { EventDigest } from './digest.js';
import { EventQueue } from './event-queue.js';
import { EventKind, type MessageEvent, type SimEvent } from './events.js';
import { SimHandlerContext } from './handler-context.js';
import { MessageCounts } from './message-counts.js';
import { RandomOrder, type Strategy, timeOrder } from './strategy.js';

/** Work below this many ns is added up before it takes model time. */
const WORK_GRAIN = 400;

/** Forget object occupations after this many. */
const BUSY_OBJECTS = 1 << 16;

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

/** How a guest program ended. */
export type GuestOutcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * The deterministic machine: every CPU and node in one thread, one queue of events in model time (integer ns). The same
 * options give the same events, hence the same digest, on every computer.
 */
export class SimMachine implements Port {
  readonly nodes: readonly KernelNode[];
  readonly cpus: readonly Cpu[];
  readonly messages: MessageCounts;
  readonly digest = new EventDigest();
  /** Call-function interrupts per CPU as the interrupt controller saw them: delivered to the CPU, and merged into one pending. */
  readonly received: number[];
  readonly merged: number[];
  /** Verdicts so far; the first one ends the run. */
  readonly verdicts: Verdict[] = [];
  /** Model code threw something that is no verdict. */
  failure: unknown = undefined;
  /** Called with every event before it happens, for comparing two runs. */
  onEvent: ((time: number, kind: number, actor: number, detail: number) => void) | null = null;
  private readonly topology: Topology;
  private readonly costs: Costs;
  private readonly queue = new EventQueue<SimEvent>();
  private readonly strategy: Strategy;
  private readonly agents: readonly GuestAgent[];
  private readonly guests = new Map<number, GuestOutcome | null>();
  private readonly lastArrival: Float64Array;
  private readonly workEpoch: Int32Array;
  private readonly workEnd: Float64Array;
  private readonly busyUntil: Map<number, number>[];
  /** System calls returned to their programs. */
  syscallsReturned = 0;
  private readonly handlerContext = new SimHandlerContext(this);
  private time = 0;
  private doorbells = 0;
  private timers = 0;
  private readonly armedTimers = new Set<number>();
  private nextPid = 1;

  constructor(private readonly options: SimOptions) {
    const { topology, build, costs, seed } = options;
    this.topology = topology;
    this.costs = costs;
    const { cpuCount } = topology;
    this.strategy = options.strategy === 'time' ? timeOrder : new RandomOrder(new RandomStream(seed, 'strategy'));
    this.messages = new MessageCounts(topology);
    this.received = new Array(cpuCount).fill(0);
    this.merged = new Array(cpuCount).fill(0);
    this.lastArrival = new Float64Array(cpuCount * topology.nodes * 2);
    this.workEpoch = new Int32Array(cpuCount);
    this.workEnd = new Float64Array(cpuCount);
    this.busyUntil = Array.from({ length: topology.nodes }, () => new Map());
    const environment = { topology, costs, seed, durations: options.durations, probe: options.probe };
    this.nodes = Array.from({ length: topology.nodes }, (_, id) => new KernelNode(id, environment));
    this.cpus = Array.from({ length: cpuCount }, (_, id) => {
      const node = this.nodes[topology.nodeOf(id)] as KernelNode;
      const cpu = new Cpu(id, node, build, environment, this, WORK_GRAIN);
      cpu.stretches = options.stretches.length === 0 ? null : options.stretches.map((stretch) => ({ ...stretch }));
      return cpu;
    });
    const port: GuestPort = {
      dispatch: (cpu, task, syscall, delay) => this.dispatch(cpu, task, syscall, delay),
      leave: (cpu, pid) => this.cpu(cpu).leaveUser(pid),
      exited: (pid, outcome) => this.guests.set(pid, outcome),
    };
    this.agents = this.nodes.map(
      (node) => new GuestAgent(topology, new RandomStream(seed, `guest${node.id}`), port, costs['user.step']),
    );
  }

  // Driving the machine.

  /** Run the boot code; the caller then runs events until the machine is quiet. */
  boot(): void {
    const cpu = this.cpu(BOOT_CPU);
    cpu.spawn('swapper', startKernel, [cpu]);
    cpu.run();
  }

  /**
   * Start a guest program as a new task, in the root cgroup and the root directory. Returns its pid; a program that needs
   * its own pid is given as a function of it.
   */
  startProgram(
    name: string,
    source: Program<unknown> | ((pid: number) => Program<unknown>),
    placement: Placement,
  ): number {
    const pid = this.nextPid++;
    const program = typeof source === 'function' ? source(pid) : source;
    const cpu = placement.kind === 'pinned' ? placement.cpu : BOOT_CPU;
    const node = this.topology.nodeOf(cpu);
    const { published } = this.nodes[node] as KernelNode;
    this.guests.set(pid, null);
    this.agent(node).start(pid, name, program, placement, rootMemcg(published), published.scalar(Scalar.rootDentry));
    return pid;
  }

  /** Start another program in a task whose last program has returned: the next phase of the same process. */
  continueProgram(pid: number, program: Program<unknown>, placement: Placement): void {
    const agent = this.agents.find((candidate) => candidate.lastState(pid) !== undefined);
    const last = agent?.lastState(pid);
    if (agent === undefined || last === undefined) throw new Error(`no task has pid ${pid}`);
    this.guests.set(pid, null);
    agent.resumeAs(last.task, program, placement, last.cpu);
  }

  /** Outcome of a guest program; null while it runs. */
  outcomeOf(pid: number): GuestOutcome | null {
    return this.guests.get(pid) ?? null;
  }

  get modelTime(): number {
    return this.time;
  }

  /** Call-function interrupts raised and not yet taken by their CPU. */
  get interruptsInFlight(): number {
    return this.doorbells + this.cpus.reduce((sum, cpu) => sum + cpu.callFunctionPending, 0);
  }

  /** No CPU runs anything or waits for a reply, and no callback, work item or message is left; sleeping tasks may be. */
  get quiet(): boolean {
    if (this.messages.inFlight > 0 || this.doorbells > 0) return false;
    return this.cpus.every((cpu) => !cpu.busy) && this.nodes.every((node) => !node.busyPools);
  }

  /**
   * Let events happen until `until` is true after one of them, none is left, `limit` have happened, or the run has ended
   * with a verdict or failure. Returns why it stopped.
   */
  run(until: () => boolean, limit: number): 'reached' | 'empty' | 'limit' | 'ended' {
    for (let n = 0; n < limit; n++) {
      if (this.verdicts.length > 0 || this.failure !== undefined) return 'ended';
      if (until()) return 'reached';
      const next = this.strategy.next(this.queue);
      if (next === undefined) return 'empty';
      this.time = Math.max(this.time, next.time);
      this.happen(next.payload);
    }
    return 'limit';
  }

  /** What the checker found outside of model code. */
  report(verdict: Verdict): void {
    this.verdicts.push(verdict);
  }

  // Port: what the CPUs ask for.

  now(): number {
    return this.time;
  }

  work(core: Core, ns: number): boolean {
    const end = this.time + ns;
    const epoch = this.nextEpoch(core.id);
    this.workEnd[core.id] = end;
    this.queue.push(end, { kind: EventKind.workDone, channel: core.id, cpu: core.id, epoch });
    return false;
  }

  interruptWork(core: Core): number {
    this.nextEpoch(core.id);
    return Math.max(0, (this.workEnd[core.id] as number) - this.time);
  }

  /** Work begun before is not reported any more. */
  private nextEpoch(cpu: number): number {
    const epoch = (this.workEpoch[cpu] as number) + 1;
    this.workEpoch[cpu] = epoch;
    return epoch;
  }

  request(core: Core, context: Context, effect: RequestEffect<unknown>): void {
    const homes = typeof effect.homes === 'number' ? [effect.homes] : effect.homes;
    homes.forEach((home, index) => {
      this.send(core, home, effect.handler, effect.args, effect.object, context, index);
    });
    core.debt = 0;
  }

  post(core: Core, effect: PostEffect): void {
    this.send(core, effect.home, effect.handler, effect.args, effect.object, null, 0);
  }

  raise(core: Core, cpus: readonly number[], vector: number): void {
    for (const target of cpus) {
      core.debt += this.costs['ipi.send'];
      this.ring(core.id, target, vector, this.time + core.debt);
    }
  }

  timer(core: Core, delay: number, name: string, data: number, deferrable: boolean): number {
    const channel = this.channelCount + core.id;
    const id = ++this.timers;
    this.armedTimers.add(id);
    this.queue.push(core.now() + delay, { kind: EventKind.timer, channel, cpu: core.id, id, name, data, deferrable });
    return id;
  }

  cancelTimer(_core: Core, timer: number): void {
    this.armedTimers.delete(timer);
  }

  failed(_core: Core, error: unknown): void {
    this.fail(error);
  }

  // Messages.

  private send(
    core: Core,
    node: number,
    handler: Handler<never, never, unknown>,
    args: unknown,
    object: number,
    context: Context | null,
    index: number,
  ): void {
    const channel = this.channelTo(core.id, node);
    const arrival = this.inOrder(channel, this.time + core.debt + this.flight(core.node, node));
    const running = core.currentTask;
    this.messages.sent(handler.name, core.node, node);
    this.queue.push(arrival, {
      kind: EventKind.message,
      channel,
      node,
      cpu: core.id,
      taskId: core.inInterrupt ? 0 : (running?.taskId ?? 0),
      taskName: running?.taskName ?? 'idle',
      handler,
      args,
      object,
      context,
      index,
    });
  }

  /** One way of a cache-line transfer: half a round trip, in whole ns. */
  private flight(from: number, to: number): number {
    return Math.ceil(this.costs[from === to ? 'cacheLine.sameNode' : 'cacheLine.crossNode'] / 2);
  }

  private get channelCount(): number {
    return 2 * this.topology.cpuCount * (this.topology.nodes + 1);
  }

  private channelTo(cpu: number, node: number): number {
    return this.topology.cpuCount + cpu * this.topology.nodes + node;
  }

  private channelFrom(node: number, cpu: number): number {
    return this.topology.cpuCount * (1 + this.topology.nodes) + node * this.topology.cpuCount + cpu;
  }

  /** Arrival time on a channel that keeps order. */
  private inOrder(channel: number, time: number): number {
    const index = channel - this.topology.cpuCount;
    const arrival = Math.max(time, this.lastArrival[index] as number);
    this.lastArrival[index] = arrival;
    return arrival;
  }

  /** @internal */
  ring(sender: number, target: number, vector: number, time: number): void {
    const channel = this.channelTo(sender, this.topology.nodeOf(target));
    const arrival = Math.max(
      time + this.costs['ipi.flight'],
      this.lastArrival[channel - this.topology.cpuCount] as number,
    );
    if (isCallFunction(vector)) this.doorbells++;
    this.queue.push(arrival, { kind: EventKind.doorbell, channel, cpu: target, vector });
  }

  // Events.

  private happen(event: SimEvent): void {
    const actor = event.kind === EventKind.message ? event.node : event.cpu;
    const detail = event.kind === EventKind.message ? event.handler.index : event.channel;
    this.digest.add(this.time, event.kind, actor, detail);
    this.onEvent?.(this.time, event.kind, actor, detail);
    if (event.kind === EventKind.message) {
      this.handle(event);
      return;
    }
    const cpu = this.cpu(event.cpu);
    switch (event.kind) {
      case EventKind.workDone:
        if (event.epoch !== this.workEpoch[event.cpu]) return;
        cpu.workDone();
        break;
      case EventKind.answer:
        this.messages.arrived();
        cpu.deliverAnswer(event.context, event.index, event.value);
        break;
      case EventKind.completion:
        this.messages.arrived();
        if (cpu.deliverCompletion(event.waiter, event.value) && event.from !== event.cpu) {
          this.ring(event.from, event.cpu, Vector.reschedule, this.time);
          return;
        }
        break;
      case EventKind.doorbell:
        this.deliverDoorbell(cpu, event.vector);
        break;
      case EventKind.timer:
        if (!this.armedTimers.delete(event.id)) return;
        cpu.timerExpired(event.name, event.data, event.deferrable);
        break;
      case EventKind.thread:
        this.messages.arrived();
        cpu.deliverThread(event.thread, event.data);
        if (event.from !== event.cpu) {
          this.ring(event.from, event.cpu, Vector.reschedule, this.time);
          return;
        }
        break;
      case EventKind.syscall:
        this.messages.arrived();
        cpu.deliverSyscall(event.task, event.syscall, (task, result) => this.syscallReturned(cpu.id, task, result));
        break;
      case EventKind.returned:
        this.messages.arrived();
        this.syscallsReturned++;
        this.agentOf(event.task.pid).returned(event.task, event.result);
        return;
    }
    cpu.run();
  }

  private deliverDoorbell(cpu: Cpu, vector: number): void {
    const delivered = cpu.deliverInterrupt(vector);
    if (!isCallFunction(vector)) return;
    this.doorbells--;
    this.received[cpu.id] = (this.received[cpu.id] ?? 0) + 1;
    if (!delivered) this.merged[cpu.id] = (this.merged[cpu.id] ?? 0) + 1;
  }

  /** Run a handler at its node. Its service time occupies the object: later arrivals are served after it. */
  private handle(event: MessageEvent): void {
    const { handlerContext } = this;
    const start = this.occupied(event.node, event.object);
    handlerContext.begin(event, start, this.costs['handler.service']);
    try {
      const run = this.options.build.functions.handler(event.handler as never) as (
        node: KernelNode,
        args: unknown,
        context: HandlerContext,
      ) => unknown;
      const value = run(this.nodes[event.node] as KernelNode, event.args, handlerContext);
      const end = start + handlerContext.charged;
      const { lock } = event.handler;
      if (lock !== null) this.recordSection(lock, start - this.time, handlerContext.charged);
      this.occupy(event.node, event.object, end);
      if (event.context === null) this.messages.arrived();
      else this.answer(event, end, value);
    } catch (error) {
      this.fail(error);
    }
  }

  private recordSection(lock: string, wait: number, hold: number): void {
    this.options.durations.record(`${lock}.wait`, wait);
    this.options.durations.record(`${lock}.hold`, hold);
  }

  private answer(event: MessageEvent, time: number, value: unknown): void {
    const channel = this.channelFrom(event.node, event.cpu);
    const arrival = this.inOrder(channel, time + this.flight(event.node, this.topology.nodeOf(event.cpu)));
    const { cpu, index } = event;
    const context = event.context as Context;
    this.queue.push(arrival, { kind: EventKind.answer, channel, cpu, context, index, value });
  }

  /** @internal */
  postFrom(
    event: MessageEvent,
    time: number,
    node: number,
    handler: Handler<never, never, unknown>,
    args: unknown,
  ): void {
    this.messages.sent(handler.name, event.node, node);
    const channel = this.channelTo(event.cpu, node);
    const arrival = this.inOrder(channel, time + this.flight(event.node, node));
    this.queue.push(arrival, { ...event, channel, node, handler, args, object: 0, context: null, index: 0 });
  }

  /** @internal */
  complete(event: MessageEvent, time: number, waiter: number, value: number): void {
    const cpu = cpuOfWaiter(waiter);
    const channel = this.channelFrom(event.node, cpu);
    const arrival = this.inOrder(channel, time + this.flight(event.node, this.topology.nodeOf(cpu)));
    this.messages.sent('complete', event.node, this.topology.nodeOf(cpu));
    this.queue.push(arrival, { kind: EventKind.completion, channel, cpu, waiter, value, from: event.cpu });
  }

  /** @internal */
  wakeThread(event: MessageEvent, time: number, cpu: number, thread: string, data: number): void {
    const channel = this.channelFrom(event.node, cpu);
    const arrival = this.inOrder(channel, time + this.flight(event.node, this.topology.nodeOf(cpu)));
    this.messages.sent('wakeThread', event.node, this.topology.nodeOf(cpu));
    this.queue.push(arrival, { kind: EventKind.thread, channel, cpu, thread, data, from: event.cpu });
  }

  private occupied(node: number, object: number): number {
    if (object === 0) return this.time;
    return Math.max(this.time, this.busyUntil[node]?.get(object) ?? 0);
  }

  private occupy(node: number, object: number, until: number): void {
    if (object === 0) return;
    const busy = this.busyUntil[node] as Map<number, number>;
    if (busy.size > BUSY_OBJECTS) busy.clear();
    busy.set(object, until);
  }

  // Guests.

  private dispatch(cpu: number, task: TaskRecord, syscall: Syscall, delay: number): void {
    this.cpu(cpu).enterUser(task.pid);
    this.messages.started();
    const channel = 2 * this.channelCount + cpu;
    this.queue.push(this.time + delay, { kind: EventKind.syscall, channel, cpu, task, syscall });
  }

  private syscallReturned(cpu: number, task: TaskRecord, result: SyscallResult): void {
    this.messages.started();
    const channel = 2 * this.channelCount + cpu;
    this.queue.push(this.cpu(cpu).now(), { kind: EventKind.returned, channel, cpu, task, result });
  }

  private agentOf(pid: number): GuestAgent {
    return this.agents.find((agent) => agent.lastState(pid) !== undefined) as GuestAgent;
  }

  private agent(node: number): GuestAgent {
    return this.agents[node] as GuestAgent;
  }

  private cpu(id: number): Cpu {
    return this.cpus[id] as Cpu;
  }

  private fail(error: unknown): void {
    if (error instanceof VerdictError) this.verdicts.push(error.verdict);
    else this.failure ??= error;
  }
}
