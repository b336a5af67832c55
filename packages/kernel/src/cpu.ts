import {
  type Context,
  Core,
  type Coroutine,
  type CoroutineFunction,
  type Costs,
  type Handle,
  type Handler,
  type Port,
  post,
  type Topology,
  Vector,
  VerdictError,
} from '@kmemlab/machine';
import type { KernelBuild } from './build.js';
import { Counters, ipiSentBy } from './counters.js';
import type { CpuStock } from './mm/memcontrol/cpu-stock.js';
import type { DetachedSlab } from './mm/slab/types.js';
import type { Environment, NodeMemory } from './node-memory.js';
import { type Published, rootMemcg } from './published-state.js';
import type { GpNumbers } from './rcu/gp-numbers.js';
import { rcuNoteContextSwitch } from './rcu/quiescent.js';
import { rcuTaskDone, rcuTaskEnters, rcuTaskLeaves } from './rcu/read.js';
import { RcuCpu } from './rcu/state.js';
import type { Stretch } from './sched/preemption-point.js';
import { RunQueue } from './sched/run-queue.js';
import { doSoftirq } from './sched/softirq.js';
import type { TaskRecord } from './sched/task.js';
import { type ExpiredTimer, HRTIMER, localTimerInterrupt, TICK } from './sched/timer.js';
import { rescheduleInterrupt } from './sched/wake.js';
import { deadCpuInterrupt, smpCallFunctionInterrupt } from './smp/interrupt.js';
import { SmpState } from './smp/state.js';
import { doSyscall, type Syscall, type SyscallResult } from './syscalls/table.js';
import { type DurationSink, Trace, type Tracepoint } from './tracepoints.js';
import type { CpuWords } from './words.js';

const THREADS_PER_CPU = 4096;
/** Kernel threads that run on this CPU also while it takes no others: the hotplug threads and the stopper. */
const PER_CPU_THREADS: ReadonlySet<string> = new Set(['cpuhp/down', 'cpuhp/up', 'migration']);

/** What a user task is in the kernel for. */
interface SyscallInProgress {
  readonly task: TaskRecord;
  readonly done: SyscallReturn;
  readonly number: number;
  /** memcg_kmem_skip_account. */
  skips: number;
}

/** Receives the result of each system call on this CPU. */
export type SyscallReturn = (task: TaskRecord, result: SyscallResult) => void;

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
  /** memcgs that tasks in the kernel here have chosen to be charged, by task (active_memcg). */
  readonly activeMemcgs = new Map<number, Handle>();
  private readonly runQueue = new RunQueue();
  readonly expiredTimers: ExpiredTimer[] = [];
  /** The array set that this CPU swapped in last; a later swap begins only when the published pointer leads to this one. */
  swapped: { readonly cache: Handle; readonly set: Handle } = { cache: 0, set: 0 };
  private readonly deferredTimers: ExpiredTimer[] = [];
  /** Slabs of RCU-typed caches whose page callbacks are pending on this CPU, by page. */
  readonly rcuSlabs = new Map<Handle, { readonly cache: Handle; readonly slab: DetachedSlab }>();
  /** Windows to be stretched on purpose, null if none. */
  stretches: Stretch[] | null = null;
  /** Passing a labelled preemption point takes a step of its own, at which the machine can keep this CPU. */
  pointsAreSteps = false;
  /** Label of the point that the CPU is passing as such a step. */
  atPoint: string | null = null;
  spinlocksHeld = 0;
  flushes = 0;
  /** cache_reap's work item on this CPU and the alien node whose turn it is. */
  reapWork: Handle = 0;
  reapAlienNode = 0;
  tickExpired = false;
  /** Pids of the tasks that are in user mode on this CPU. */
  private readonly userTasks = new Set<number>();
  /** False from the moment at which the CPU begins to go down until it is up again: new tasks run elsewhere. */
  active = true;
  /** The CPU is offline: it is idle, and takes no interrupt. */
  dead = false;
  /** Tasks that are in the kernel here, running, runnable or asleep. */
  private tasks = 0;
  /** Waiter of the only task that is to be left. */
  private aloneWaiter = 0;
  private tickArmed = false;
  /** When kernel code took this CPU from a user task, ns; negative while it has not. */
  private tookUserAt = -1;
  private readonly nohzFull: boolean;
  private threads = 0;
  /** Task records of the user tasks that are in the kernel on this CPU. */
  private readonly syscallTasks = new Map<Context, SyscallInProgress>();
  private syscallsBegun = 0;

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

  /** The memcg that an accounted allocation here is charged to: that which the running user task has chosen or is in; 0 outside process context. */
  accountedMemcg(): Handle {
    const context = this.current;
    if (context === undefined || context.kind !== 'task') return 0;
    const own = context.taskId > 0 ? this.published.tasks.memcgOf(context.taskId) : 0;
    const memcg = this.activeMemcgs.get(context.taskId) ?? own;
    return memcg === rootMemcg(this.published) ? 0 : memcg;
  }

  /** memcg_stop_kmem_account (+1) and memcg_resume_kmem_account (−1) of the running user task. */
  skipAccounting(by: 1 | -1): void {
    const user = this.current === undefined ? undefined : this.syscallTasks.get(this.current);
    if (user !== undefined) user.skips += by;
  }

  /** BUG(): the kernel itself found its state broken. */
  bug(detail: string): never {
    throw new VerdictError({ class: 'invariant-broken', id: 'BUG', object: 'kernel', steps: [this.step()], detail });
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

  get jiffy(): number {
    return Math.floor(1e9 / this.build.hz);
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
    const id = -(++this.threads * THREADS_PER_CPU + this.id);
    this.tasks++;
    this.runQueue.enqueue(Core.contextFor(id, name, fn, args));
  }

  /** Whether something that arrives for this CPU has to be sent on to another; its own hotplug threads never have to. */
  refuses(thread: string | null): boolean {
    return !this.active && (thread === null || !PER_CPU_THREADS.has(thread));
  }

  /** The CPU is offline from now on; its timers have been taken away. */
  die(): void {
    this.dead = true;
    this.tickArmed = false;
    this.userTasks.clear();
  }

  /** True if other tasks are in the kernel here: then the waiter is completed when the last of them has left. */
  tellWhenAlone(waiter: number): boolean {
    if (this.tasks > 1) this.aloneWaiter = waiter;
    return this.tasks > 1;
  }

  private taskLeft(): void {
    if (--this.tasks > 1 || this.aloneWaiter === 0) return;
    this.deliverCompletion(this.aloneWaiter, 0);
    this.aloneWaiter = 0;
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
    this.userTasks.delete(task.pid);
    this.tasks++;
    this.syscallTasks.set(context, { task, done, number: ++this.syscallsBegun, skips: 0 });
    this.runQueue.enqueue(context);
  }

  /** The task is about to run, or runs, in user mode on this CPU. */
  enterUser(pid: number): void {
    this.userTasks.add(pid);
    this.ownWords.idle = false;
    this.armTick();
    if (this.ownWords.dynticks % 2 === 1) return;
    if (!this.nohzFull) this.ownWords.dynticks++;
    this.runDeferredTimers();
  }

  /** The task runs elsewhere now, or has exited. */
  leaveUser(pid: number): void {
    if (!this.userTasks.delete(pid) || this.userTasks.size > 0) return;
    if (this.current === undefined && this.runQueue.length === 0) this.goIdle();
  }

  /** Tasks that wait for this CPU, in the order in which they will run. */
  get runnable(): readonly Context[] {
    return this.runQueue.runnable;
  }

  /** Number of the system call that a user task is in, counted on this CPU; 0 for a kernel thread. */
  syscallNumber(context: Context): number {
    return this.syscallTasks.get(context)?.number ?? 0;
  }

  protected override pickNext(): Context | undefined {
    const next = this.runQueue.dequeue();
    this.needResched = false;
    if (next !== undefined) rcuTaskEnters(this, next);
    if (next === undefined || next.taskId === this.runQueue.lastTask) return next;
    this.runQueue.ticks = 0;
    this.runQueue.lastTask = next.taskId;
    this.ownWords.disturbances.contextSwitches++;
    if (this.nohzFull && this.userTasks.size > 0) this.startTick();
    this.debt += this.costs['sched.contextSwitch'];
    rcuNoteContextSwitch(this);
    return next;
  }

  protected override taskDone(context: Context): void {
    this.taskLeft();
    const user = this.syscallTasks.get(context);
    rcuTaskDone(this, context);
    if (user === undefined) {
      rcuNoteContextSwitch(this);
      return;
    }
    this.syscallTasks.delete(context);
    this.userTasks.add(user.task.pid);
    user.done(user.task, context.resume as SyscallResult);
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

  // Idle, ticks and timers.

  protected override quiet(entering: boolean): void {
    if (entering) {
      rcuNoteContextSwitch(this);
      if (this.userTasks.size === 0) this.goIdle();
      else this.returnToUser();
      if (this.nohzFull && this.rcu.length > 0) this.startTick();
      return;
    }
    const fromUser = this.userTasks.size > 0;
    if (fromUser) this.tookUserAt = this.now();
    if (this.ownWords.dynticks % 2 === 1) return;
    this.ownWords.dynticks++;
    if (!fromUser) this.debt += this.costs['sched.idleExit'];
    this.ownWords.idle = false;
    this.armTick();
    this.runDeferredTimers();
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

  /** Timers that have expired and not been run; they are taken away. */
  takeExpiredTimers(): ExpiredTimer[] {
    this.tickExpired = false;
    return [...this.expiredTimers.splice(0), ...this.deferredTimers.splice(0)];
  }

  private runDeferredTimers(): void {
    if (this.deferredTimers.length === 0) return;
    this.expiredTimers.push(...this.deferredTimers.splice(0));
    this.deliverInterrupt(Vector.localTimer);
  }

  /** Start the periodic tick unless it runs, or the CPU is nohz_full and does without. */
  armTick(): void {
    if (!this.nohzFull || !this.canStopTick) this.startTick();
  }

  /** sched_can_stop_tick and rcu_needs_cpu: at most one task wants a nohz_full CPU, and RCU does not need its tick. */
  private get canStopTick(): boolean {
    const runnable = this.userTasks.size + this.runQueue.length + Number(this.currentTask !== undefined);
    return runnable <= 1 && this.rcu.length === 0;
  }

  /** Start the periodic tick at the next jiffy unless it runs. */
  private startTick(): void {
    if (this.tickArmed || this.dead) return;
    this.tickArmed = true;
    const { jiffy } = this;
    this.port.timer(this, jiffy - (Math.floor(this.port.time()) % jiffy), TICK, 0, false);
  }

  /**
   * A timer of this CPU expired. An idle CPU stops its tick unless RCU callbacks wait, and puts deferrable timers off; a
   * nohz_full one stops its tick with one task, too.
   */
  timerExpired(name: string, data: number, deferrable: boolean): void {
    const idle = this.ownWords.idle;
    if (name === TICK) {
      this.tickArmed = false;
      if (idle && !this.rcu.needsTick) return;
      if (this.nohzFull && this.canStopTick) return;
      this.tickExpired = true;
    } else if (deferrable && idle) {
      this.deferredTimers.push({ name, data });
      return;
    } else {
      if (name !== HRTIMER) this.tickExpired = true;
      this.expiredTimers.push({ name, data });
    }
    this.deliverInterrupt(Vector.localTimer);
  }

  // Interrupts.

  protected override interrupt(vector: number): CoroutineFunction {
    return (this.dead ? deadCpuInterrupt : this.build.interruptHandlers[vector]) as CoroutineFunction;
  }

  protected override softirqPending(): boolean {
    return this.expiredTimers.length > 0 || this.rcu.softirq;
  }

  protected override softirq(): CoroutineFunction {
    return doSoftirq as CoroutineFunction;
  }

  /** An interrupt or softirq came while the CPU had nothing to do. */
  get interruptsIdle(): boolean {
    return this.currentTask === undefined && this.userTasks.size === 0 && this.runQueue.length === 0;
  }

  /** True while anything but deferrable timers is queued for this CPU. */
  get busy(): boolean {
    return this.runQueue.length > 0 || this.rcu.length > 0 || this.current !== undefined;
  }
}

/** What each vector runs. */
export const interruptHandlers: Readonly<Record<number, (cpu: Cpu, vector: number) => Coroutine<void>>> = {
  [Vector.callFunction]: smpCallFunctionInterrupt,
  [Vector.callFunctionSingle]: smpCallFunctionInterrupt,
  [Vector.reschedule]: rescheduleInterrupt,
  [Vector.localTimer]: localTimerInterrupt,
};
