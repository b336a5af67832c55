import {
  type Context,
  Core,
  type CoroutineFunction,
  type Costs,
  type Handle,
  type Handler,
  MAX_CPUS,
  type Port,
  post,
  type Topology,
  Vector,
  VerdictError,
} from '@kmemlab/machine';
import type { KernelBuild } from './build.js';
import { Counters, ipiSentBy } from './counters.js';
import { BUG } from './defect.js';
import type { CpuStock } from './mm/memcontrol/cpu-stock.js';
import { TaskAccounting } from './mm/memcontrol/task-accounting.js';
import type { DetachedSlab } from './mm/slab/types.js';
import type { Environment, NodeMemory } from './node-memory.js';
import type { Published } from './published-state.js';
import type { GpNumbers } from './rcu/gp-numbers.js';
import { rcuNoteContextSwitch } from './rcu/quiescent.js';
import { rcuTaskDone, rcuTaskEnters, rcuTaskLeaves } from './rcu/read.js';
import { RcuCpu } from './rcu/state.js';
import { CpuTasks, type SyscallReturn } from './sched/cpu-tasks.js';
import { CpuTimers } from './sched/cpu-timers.js';
import type { Stretch } from './sched/preemption-point.js';
import { RunQueue } from './sched/run-queue.js';
import { doSoftirq } from './sched/softirq.js';
import type { TaskRecord } from './sched/task.js';
import { deadCpuInterrupt } from './smp/interrupt.js';
import { SmpState } from './smp/state.js';
import { doSyscall, type Syscall, type SyscallResult } from './syscalls/table.js';
import { type DurationSink, Trace, type Tracepoint } from './tracepoints.js';
import type { CpuWords } from './words.js';

/** Kernel threads that run on this CPU also while it takes no others: the hotplug threads and the stopper. */
const PER_CPU_THREADS: ReadonlySet<string> = new Set(['cpuhp/down', 'cpuhp/up', 'migration']);

/**
 * A CPU of the modelled kernel: CPU-local state, which only code running on this CPU touches, on top of the machine's
 * core. What others may read of it is in `ownWords`.
 */
export class Cpu extends Core {
  readonly topology: Topology;
  readonly costs: Costs;
  readonly durations: DurationSink;
  readonly counters = new Counters();
  /** This node's replica of what every CPU may read. */
  readonly published: Published;
  readonly ownWords: CpuWords;
  /** Grace periods as this node's leaves know them. */
  readonly rcuNumbers: GpNumbers;
  readonly allNodes: readonly number[];

  readonly smp: SmpState;
  readonly rcu: RcuCpu;
  readonly stock: CpuStock;
  readonly accounting: TaskAccounting;
  readonly tasks = new CpuTasks();
  readonly timers: CpuTimers;
  private readonly runQueue = new RunQueue();
  /** The array set that this CPU swapped in last; a later swap begins only when the published pointer leads to this one. */
  swapped: { readonly cache: Handle; readonly set: Handle } = { cache: 0, set: 0 };
  /** Slabs of RCU-typed caches whose page callbacks are pending on this CPU, by page. */
  readonly rcuSlabs = new Map<Handle, { readonly cache: Handle; readonly slab: DetachedSlab }>();
  /** Windows to be stretched on purpose, null if none. */
  stretches: Stretch[] | null = null;
  /** Passing a labelled preemption point takes a step of its own, at which the machine can keep this CPU. */
  pointsAreSteps = false;
  /** Label of the point that the CPU is passing as such a step. */
  atPoint: string | null = null;
  /** Explicit spinlocks that code on this CPU holds; it must not call other CPUs meanwhile. */
  spinlocksHeld = 0;
  /** flush_workqueue calls begun on this CPU, which numbers them. */
  flushes = 0;
  /** cache_reap's work item on this CPU and the alien node whose turn it is. */
  reapWork: Handle = 0;
  reapAlienNode = 0;
  /** False from the moment at which the CPU begins to go down until it is up again: new tasks run elsewhere. */
  active = true;
  /** The CPU is offline: it is idle, and takes no interrupt. */
  dead = false;
  /** When kernel code took this CPU from a user task, ns; negative while it has not. */
  private tookUserAt = -1;
  readonly nohzFull: boolean;
  private threads = 0;

  constructor(
    id: number,
    home: NodeMemory,
    readonly build: KernelBuild,
    private readonly environment: Environment,
    port: Port,
    workGrain: number,
  ) {
    super(id, home.id, port, workGrain);
    this.topology = environment.topology;
    this.costs = environment.costs;
    this.durations = environment.durations;
    this.published = home.published;
    this.ownWords = home.words(id);
    this.stock = this.ownWords.stock;
    this.accounting = new TaskAccounting(home.published);
    this.timers = new CpuTimers(this, port);
    this.rcuNumbers = home.rcuNumbers;
    this.rcu = new RcuCpu(build);
    this.allNodes = Array.from({ length: this.topology.nodes }, (_, node) => node);
    this.nohzFull = build.config.nohzFull.includes(id);
    this.smp = new SmpState(this.topology.cpuCount);
  }

  nodeOf(cpu: number): number {
    return this.topology.nodeOf(cpu);
  }

  /** Number of the running task: a pid, negative for a kernel thread, 0 in interrupt context. */
  get taskId(): number {
    const context = this.current;
    return context?.kind === 'task' ? context.taskId : 0;
  }

  /** How often the running task has slept since it entered the kernel. */
  get timesSlept(): number {
    return this.current?.timesSlept ?? 0;
  }

  /** local_irq_save: returns whether interrupts were off. */
  irqSave(): boolean {
    const off = this.irqsOff;
    this.irqsOff = true;
    return off;
  }

  irqRestore(off: boolean): void {
    this.irqsOff = off;
  }

  trace(tracepoint: Tracepoint, a: number, b: number, c: number, d: number): void {
    this.environment.probe?.emit(tracepoint, this.id, a, b, c, d);
  }

  /** A root cache by name. */
  rootCache(name: string): Handle {
    const cache = this.published.roots.get(name);
    if (cache === 0) throw new Error(`no root cache is called ${name}`);
    return cache;
  }

  /** The memcg that an accounted allocation here is charged to; 0 if none. */
  accountedMemcg(): Handle {
    return this.accounting.memcgOf(this.current);
  }

  /** BUG(): the kernel itself found its state broken. */
  bug(detail: string): never {
    throw new VerdictError({ class: 'invariant-broken', id: BUG, object: 'kernel', steps: [this.step()], detail });
  }

  /** Jiffies between two scans for quiescent states: one for 250 HZ or less, two up to 500, three above; plus one per 256 CPUs. */
  get fqsJiffies(): number {
    const { hz } = this.build;
    return 1 + Number(hz > 250) + Number(hz > 500) + Math.floor(this.topology.cpuCount / 256);
  }

  /** Labelled preemption points do something. */
  get instrumented(): boolean {
    return this.stretches !== null || this.pointsAreSteps;
  }

  /** ns. */
  get jiffy(): number {
    return Math.floor(1e9 / this.build.hz);
  }

  get jiffies(): number {
    return Math.floor(this.now() / this.jiffy);
  }

  /** Another CPU has made a task of this one runnable (ttwu_queue): the vector with which it interrupts this CPU. */
  wokenBy(waker: number): number {
    if (this.build.policies.smp.wakeups === 'reschedule') return Vector.reschedule;
    this.counters.add(ipiSentBy(waker));
    this.counters.add(this.nodeOf(waker) === this.node ? 'ipi.sameNode' : 'ipi.crossNode');
    this.environment.probe?.emit(Trace.ipiSend, waker, this.id, Vector.callFunctionSingle, 1, 2);
    return Vector.callFunctionSingle;
  }

  countIpi(target: number): void {
    this.counters.add(ipiSentBy(this.id));
    this.counters.add(this.nodeOf(target) === this.node ? 'ipi.sameNode' : 'ipi.crossNode');
  }

  /** Send a message from where no coroutine runs: the scheduler. In order with the CPU's other messages. */
  postNow<N, A>(home: number, handler: Handler<N, A, unknown>, args: A): void {
    this.port.post(this, post(home, handler, args));
  }

  // Tasks.

  /** kthread_run on this CPU. */
  spawn(name: string, fn: CoroutineFunction, args: readonly unknown[]): void {
    const id = -(++this.threads * MAX_CPUS + this.id);
    this.tasks.threadEnters();
    this.runQueue.enqueue(Core.contextFor(id, name, fn, args));
  }

  /** Whether something that arrives for this CPU has to be sent on to another; its own hotplug threads never have to. */
  refuses(thread: string | null): boolean {
    return !this.active && (thread === null || !PER_CPU_THREADS.has(thread));
  }

  /** The CPU is offline from now on; its timers have been taken away. */
  die(): void {
    this.dead = true;
    this.timers.die();
    this.tasks.user.clear();
  }

  /** A remote or local waker starts the kernel thread registered as `thread` here. */
  deliverThread(thread: string, data: number): void {
    this.ownWords.idle = false;
    this.spawn(thread, this.build.functions.find('thread', thread), [this, data]);
    this.reschedForThread();
  }

  /** A task arrives with its next system call; it occupies the CPU from now until it leaves. */
  deliverSyscall(task: TaskRecord, syscall: Syscall, done: SyscallReturn): void {
    const context = Core.contextFor(task.pid, task.name, doSyscall, [this, task, syscall]);
    this.tasks.syscallEnters(context, task, done);
    this.runQueue.enqueue(context);
  }

  /** The task is about to run, or runs, in user mode on this CPU. */
  enterUser(pid: number): void {
    this.tasks.user.add(pid);
    this.ownWords.idle = false;
    this.timers.armTick();
    if (this.ownWords.dynticks % 2 === 1) return;
    if (!this.nohzFull) this.ownWords.dynticks++;
    this.timers.runDeferred();
  }

  /** The task runs elsewhere now, or has exited. */
  leaveUser(pid: number): void {
    const { user } = this.tasks;
    if (!user.delete(pid) || user.size > 0) return;
    if (this.current === undefined && this.runQueue.length === 0) this.goIdle();
  }

  /** Tasks that wait for this CPU, in the order in which they will run. */
  get runnable(): readonly Context[] {
    return this.runQueue.runnable;
  }

  protected override pickNext(): Context | undefined {
    const next = this.runQueue.dequeue();
    this.needResched = false;
    if (next !== undefined) rcuTaskEnters(this, next);
    if (next === undefined || next.taskId === this.runQueue.lastTask) return next;
    this.runQueue.ticks = 0;
    this.runQueue.lastTask = next.taskId;
    this.ownWords.disturbances.contextSwitches++;
    if (this.nohzFull && this.tasks.user.size > 0) this.timers.startTick();
    this.debt += this.costs['sched.contextSwitch'];
    rcuNoteContextSwitch(this);
    return next;
  }

  protected override taskDone(context: Context): void {
    const syscall = this.tasks.leaves(context);
    const alone = this.tasks.takeAloneWaiter();
    if (alone !== 0) this.deliverCompletion(alone, 0);
    rcuTaskDone(this, context);
    if (syscall === undefined) rcuNoteContextSwitch(this);
    else syscall.done(syscall.task, context.resume as SyscallResult);
  }

  protected override wake(context: Context): void {
    this.debt += this.costs['sched.wakeup'];
    this.ownWords.idle = false;
    this.runQueue.enqueue(context);
    if (context.taskId < 0) this.reschedForThread();
  }

  protected override offCpu(context: Context): void {
    rcuTaskLeaves(this, context);
  }

  protected override preempts(context: Context): boolean {
    if (this.runQueue.length > 0) {
      this.counters.add('preemptions');
      this.runQueue.enqueue(context);
      return true;
    }
    rcuTaskLeaves(this, context);
    rcuTaskEnters(this, context);
    rcuNoteContextSwitch(this);
    return false;
  }

  /** set_tsk_need_resched: a preemptible kernel calls the scheduler as soon as the task on the CPU may be preempted. */
  resched(): void {
    this.needResched = this.build.config.preemption === 'preempt';
  }

  /** A kernel thread preempts a user task. */
  private reschedForThread(): void {
    if ((this.currentTask?.taskId ?? 0) > 0) this.resched();
  }

  /** scheduler_tick: a task gives way to another when it has had the CPU for a jiffy. */
  schedulerTick(): void {
    if (++this.runQueue.ticks > 1 && this.runQueue.length > 0) this.resched();
  }

  /** Process context, with interrupts and preemption on. */
  get maySleep(): boolean {
    return this.current?.kind === 'task' && !this.irqsOff && this.preemptCount === 0;
  }

  protected override checkMayBlock(context: Context): void {
    if (context.kind === 'task' && !this.irqsOff && this.preemptCount === 0) return;
    throw new VerdictError({
      class: 'invariant-broken',
      id: this.rcu.invoking && this.inSoftirq ? 'RCU-8' : 'MTX-3',
      object: context.taskName,
      steps: [this.step()],
      detail: 'scheduling while atomic: a sleeping wait in interrupt context, or with interrupts or preemption off',
    });
  }

  // Idle and user mode.

  protected override quiet(entering: boolean): void {
    if (entering) {
      rcuNoteContextSwitch(this);
      if (this.tasks.user.size === 0) this.goIdle();
      else this.returnToUser();
      if (this.nohzFull && this.rcu.length > 0) this.timers.startTick();
      return;
    }
    const fromUser = this.tasks.user.size > 0;
    if (fromUser) this.tookUserAt = this.now();
    if (this.ownWords.dynticks % 2 === 1) return;
    this.ownWords.dynticks++;
    if (!fromUser) this.debt += this.costs['sched.idleExit'];
    this.ownWords.idle = false;
    this.timers.armTick();
    this.timers.runDeferred();
  }

  /** A user task goes on; on a nohz_full CPU in an extended quiescent state. */
  private returnToUser(): void {
    if (this.tookUserAt >= 0) this.ownWords.disturbances.stolenNs += this.idleSince - this.tookUserAt;
    this.tookUserAt = -1;
    if (this.nohzFull) this.ownWords.dynticks++;
  }

  private goIdle(): void {
    this.runQueue.lastTask = 0;
    this.ownWords.idle = true;
    if (this.ownWords.dynticks % 2 === 1) this.ownWords.dynticks++;
  }

  /** Tasks that want this CPU now: those in user mode, the runnable ones and the one in the kernel on it. */
  get tasksThatWantIt(): number {
    return this.tasks.user.size + this.runQueue.length + Number(this.currentTask !== undefined);
  }

  // Interrupts.

  protected override interrupt(vector: number): CoroutineFunction {
    return (this.dead ? deadCpuInterrupt : this.build.interruptHandlers[vector]) as CoroutineFunction;
  }

  protected override softirqPending(): boolean {
    return this.timers.expired.length > 0 || this.rcu.softirq;
  }

  protected override softirq(): CoroutineFunction {
    return doSoftirq as CoroutineFunction;
  }

  /** No task is on the CPU, in the kernel or in user mode, and none is runnable: what interrupts it interrupts the idle task. */
  get interruptsIdle(): boolean {
    return this.currentTask === undefined && this.tasks.user.size === 0 && this.runQueue.length === 0;
  }

  /** Something of this CPU has begun and not ended: it runs, is runnable or waits. */
  get hasCoroutines(): boolean {
    return this.current !== undefined || this.runQueue.length > 0 || this.waiting().next().done !== true;
  }

  /** Kernel code is on the CPU or runnable, or RCU callbacks wait; timers and sleeping tasks do not count. */
  get busy(): boolean {
    return this.runQueue.length > 0 || this.rcu.length > 0 || this.current !== undefined;
  }
}
