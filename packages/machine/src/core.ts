import { Context, ContextState } from './context.js';
import { ContextStack } from './context-stack.js';
import {
  type CallEffect,
  type Coroutine,
  type CoroutineFunction,
  type Effect,
  Op,
  type PauseEffect,
  type PostEffect,
  type RaiseEffect,
  type RequestEffect,
  type TimerEffect,
} from './effects.js';
import { ENDLESS, endlessLoop } from './endless.js';
import { failureLine } from './failure.js';
import type { PendingTimer, Port } from './port.js';
import { PendingInterrupts } from './vectors.js';
import type { Step } from './verdict.js';
import { Waiters } from './waiters.js';

/**
 * `next` of all generators. Each generator function has a prototype of its own, on which looking it up is slow where code meets
 * generators of many functions.
 */
const nextOfGenerator: (this: Coroutine<unknown>, value: unknown) => IteratorResult<Effect<unknown>, unknown> =
  Object.getPrototypeOf(function* () {}).prototype.next;

/**
 * One simulated CPU: its stack of contexts, pending vectors and the loop that runs kernel code on it.
 * It is the same on every machine; the machine drives it through `run` and the `deliver` methods, and serves it through
 * a `Port`. The kernel supplies what the abstract members ask for.
 */
export abstract class Core extends ContextStack {
  /** ns of work done since the machine last saw this core; they delay whatever it does next. */
  debt = 0;
  /**
   * While true nothing starts or goes on in task context with interrupts on; interrupts are taken and finished, softirqs
   * that follow them, too, and a task that holds interrupts off runs until it turns them on. `run` the CPU after clearing it.
   */
  held = false;
  /** The scheduler wants the CPU back as soon as the task on it may be preempted; only a preemptible kernel says so. */
  needResched = false;
  private readonly waiters: Waiters;
  private readonly interrupts = new PendingInterrupts();
  private blockedTasks = 0;
  /** Contexts of interrupts that have ended, for the next ones. */
  private readonly spare = { softirq: [] as Context[], hardirq: [] as Context[] };
  private running = false;
  /** When the last kernel context left the CPU, ns. */
  protected idleSince = 0;
  private idle = true;

  constructor(
    readonly id: number,
    readonly node: number,
    protected readonly port: Port,
    /** Work below this many ns is only added up; at or above it takes machine time at once. */
    private readonly workGrain: number,
  ) {
    super();
    this.waiters = new Waiters(id);
  }

  /** Kernel code for an interrupt; runs with interrupts off. */
  protected abstract interrupt(vector: number): CoroutineFunction;
  /** Softirq work is pending and may run now. */
  protected abstract softirqPending(): boolean;
  protected abstract softirq(): CoroutineFunction;
  /** The next runnable task's context, or undefined if there is none. Called when no context is left on the CPU. */
  protected abstract pickNext(): Context | undefined;
  /** The task of this context has returned from its outermost function. */
  protected abstract taskDone(context: Context): void;
  /** A blocked task's waiter was completed: make it runnable. */
  protected abstract wake(context: Context): void;
  /** A task goes off the CPU in the middle of kernel code: it blocks, or is preempted. */
  protected abstract offCpu(context: Context): void;
  /** The scheduler is called in the middle of a task's kernel code; true if it has put the task back among the runnable ones. */
  protected abstract preempts(context: Context): boolean;
  /** The CPU enters (true) or leaves (false) the state in which no kernel context is on it. */
  protected abstract quiet(entering: boolean): void;

  /** Time of the machine's clock as this CPU sees it, ns. */
  now(): number {
    return this.port.now(this);
  }

  /** Who waits for which waiter of this CPU, whether on the CPU or blocked. */
  waiting(): IterableIterator<[waiter: number, context: Context]> {
    return this.waiters.waiting();
  }

  /**
   * The waiter on which this CPU spins, if the completion of any other cannot matter before that one's: none of its tasks
   * is blocked, so none becomes runnable. Else 0.
   */
  get spinsOnlyOn(): number {
    const top = this.current;
    return top?.state === ContextState.spinning && this.blockedTasks === 0 ? top.spinsOn : 0;
  }

  /** No kernel code, or a task with interrupts on: where a held CPU stops. */
  private get atHoldingPoint(): boolean {
    return this.current === undefined || (!this.inInterrupt && !this.irqsOff);
  }

  /** The CPU is where it stays while it is held: at a holding point and without an interrupt that it could take. */
  get standsStill(): boolean {
    return this.atHoldingPoint && (!this.interrupts.any || this.irqsOff);
  }

  /** Call-function interrupts raised at this CPU and not yet taken. */
  get callFunctionPending(): number {
    return this.interrupts.callFunctions;
  }

  /** When the pending interrupt of this vector was raised at this CPU; valid in its handler, too. */
  raisedTime(vector: number): number {
    return this.interrupts.raisedTime(vector);
  }

  /** Where this CPU is, for verdicts and the watchdog. */
  step(): Step {
    const context = this.current;
    const task = this.currentTask?.taskName ?? 'idle';
    return Object.freeze({
      cpu: this.id,
      task: context === undefined || context.kind === 'task' ? task : `${task} (${context.kind})`,
      function: context?.function ?? 'idle',
      time: this.now(),
      stack: context?.stack() ?? [],
    });
  }

  /** What kernel code on this CPU has just thrown, and where, on one line. */
  failure(error: unknown): string {
    const { cpu, task, function: innermost, stack = [] } = this.step();
    return failureLine(this.current?.misuse ?? error, `CPU${cpu} in ${stack.join(' < ') || innermost}, task ${task}`);
  }

  /** A waiter of this CPU, to be completed once, from anywhere. */
  newWaiter(): number {
    return this.waiters.make();
  }

  /** True once the waiter is completed; a completed waiter still has to be waited for, or dropped. */
  isCompleted(waiter: number): boolean {
    return this.waiters.isCompleted(waiter);
  }

  dropWaiter(waiter: number): void {
    this.waiters.drop(waiter);
  }

  /** Start a kernel function in the context that is next to run. The CPU must be told to `run` afterwards. */
  static contextFor(taskId: number, name: string, fn: CoroutineFunction, args: readonly unknown[]): Context {
    const context = new Context('task', taskId, name);
    context.push(fn, args);
    return context;
  }

  // Deliveries from the machine. Each leaves the core to be run by the caller.

  /** Set the vector pending. Returns false if it was pending already, in which case the interrupt merged with that one. */
  deliverInterrupt(vector: number): boolean {
    return this.interrupts.raise(vector, this.port.time());
  }

  deliverAnswer(context: Context, index: number, value: unknown): void {
    if (context.answers !== null) context.answers[index] = value;
    if (--context.missing > 0) return;
    context.resume = context.answers ?? value;
    context.answers = null;
    context.state = ContextState.ready;
  }

  /** Complete a waiter. Returns true if a blocked task became runnable. */
  deliverCompletion(waiter: number, value: number): boolean {
    const context = this.waiters.complete(waiter, value);
    if (context === null) return false;
    context.resume = value;
    const blocked = context.state === ContextState.blocked;
    context.state = ContextState.ready;
    if (blocked) {
      this.blockedTasks--;
      this.wake(context);
    } else this.debt = Math.max(this.debt, context.waitingSince - this.port.time());
    return blocked;
  }

  /** Forget a timer of this CPU that may have expired already. */
  cancelTimer(timer: number): void {
    this.port.cancelTimer(this, timer);
  }

  /** Take away all timers of this CPU that have not expired. */
  takeTimers(): PendingTimer[] {
    return this.port.takeTimers(this);
  }

  /** The work reported to the port is done. */
  workDone(): void {
    const context = this.current;
    if (context !== undefined && context.state === ContextState.working) context.state = ContextState.ready;
  }

  /** Run kernel code until the CPU waits for the machine or has nothing to do. */
  run(): void {
    if (this.running) return;
    this.running = true;
    try {
      for (let steps = 0; this.advance(); steps++) if (steps === ENDLESS) throw endlessLoop(this.step());
    } catch (error) {
      this.port.failed(this, error);
    } finally {
      this.running = false;
    }
  }

  private advance(): boolean {
    if (this.interrupts.any && !this.irqsOff) this.enterInterrupt();
    if (this.held && this.atHoldingPoint) return false;
    const context = this.current ?? this.resumeSomething();
    if (context === undefined || context.state !== ContextState.ready) return false;
    if (this.needResched && this.makeRoom(context)) return true;
    this.execute(context);
    return true;
  }

  /**
   * Preemption, at the exit of the interrupt that asked for it or as soon as the task may be preempted after that. The task
   * goes back to the run queue with what is left of its work; never while a request of its own is outstanding.
   */
  private makeRoom(context: Context): boolean {
    if (context.kind !== 'task' || this.irqsOff || this.preemptCount > 0) return false;
    this.needResched = false;
    if (!this.preempts(context)) return false;
    this.offCpu(context);
    this.leaveContext();
    return true;
  }

  private resumeSomething(): Context | undefined {
    if (this.softirqPending()) return this.enter('softirq', this.softirq(), [this]);
    const next = this.pickNext();
    if (next === undefined) {
      this.becomeQuiet();
      return undefined;
    }
    this.leaveQuiet();
    this.enterContext(next);
    if (next.state === ContextState.working) this.startWork(next, next.workLeft);
    return next;
  }

  private becomeQuiet(): void {
    if (this.idle) return;
    this.idle = true;
    this.idleSince = this.now();
    this.debt = 0;
    this.quiet(true);
  }

  private leaveQuiet(): void {
    if (!this.idle) return;
    this.idle = false;
    this.debt = Math.max(0, this.idleSince - this.port.time());
    this.quiet(false);
  }

  private enter(kind: 'softirq' | 'hardirq', fn: CoroutineFunction, args: readonly unknown[]): Context {
    this.leaveQuiet();
    const context = this.spare[kind].pop() ?? new Context(kind, 0, kind);
    context.state = ContextState.ready;
    context.savedIrqsOff = this.irqsOff;
    context.push(fn, args);
    this.enterContext(context);
    return context;
  }

  private enterInterrupt(): void {
    const vector = this.interrupts.take();
    const below = this.current;
    if (below !== undefined && below.state === ContextState.working) below.workLeft = this.port.interruptWork(this);
    this.enter('hardirq', this.interrupt(vector), [this, vector]);
    this.irqsOff = true;
  }

  private leave(context: Context): void {
    this.leaveContext();
    context.state = ContextState.done;
    if (context.kind === 'task') {
      this.taskDone(context);
      return;
    }
    context.resume = undefined;
    this.spare[context.kind].push(context);
    this.irqsOff = context.savedIrqsOff;
    const below = this.current;
    const outermost = below === undefined || below.kind === 'task';
    if (context.kind === 'hardirq' && outermost && !this.irqsOff && this.softirqPending()) {
      this.enter('softirq', this.softirq(), [this]);
      return;
    }
    if (below?.state === ContextState.working) this.startWork(below, below.workLeft);
  }

  private execute(context: Context): void {
    const frame = context.top as Coroutine<unknown>;
    const value = context.resume;
    context.resume = undefined;
    const result = nextOfGenerator.call(frame, value);
    if (result.done) {
      context.pop();
      context.resume = result.value;
      if (context.top === undefined) this.leave(context);
      return;
    }
    this.perform(context, result.value);
  }

  private perform(context: Context, effect: Effect<unknown>): void {
    switch (effect.op) {
      case Op.call: {
        const { fn, args } = effect as CallEffect<unknown>;
        context.push(fn, args);
        return;
      }
      case Op.work: {
        const { operand } = effect as PauseEffect<void>;
        if (!(operand >= 0 && operand <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`work of ${operand} ns`);
        this.debt += operand;
        if (this.debt >= this.workGrain) {
          const ns = this.debt;
          this.debt = 0;
          this.startWork(context, ns);
        }
        return;
      }
      case Op.request: {
        const { homes, handler } = effect as RequestEffect<unknown>;
        context.state = ContextState.requesting;
        context.pendingHandler = handler.name;
        context.missing = typeof homes === 'number' ? 1 : homes.length;
        context.answers = typeof homes === 'number' ? null : new Array(homes.length);
        if (context.missing === 0) this.deliverAnswer(context, 0, undefined);
        else this.port.request(this, context, effect as RequestEffect<unknown>);
        return;
      }
      case Op.post:
        this.port.post(this, effect as PostEffect);
        return;
      case Op.raise: {
        const { more: cpus, operand: vector } = effect as RaiseEffect;
        this.port.raise(this, cpus, vector);
        return;
      }
      case Op.wait:
        this.block(context, (effect as PauseEffect<number>).operand);
        return;
      case Op.spin:
        this.spinOn(context, (effect as PauseEffect<number>).operand);
        return;
      case Op.after: {
        const { operand: delay, more } = effect as TimerEffect;
        const { name, data, deferrable } = more;
        context.resume = this.port.timer(this, delay, name, data, deferrable);
        return;
      }
      default:
        throw new Error(`unknown effect ${effect.op}`);
    }
  }

  private startWork(context: Context, ns: number): void {
    if (this.needResched) {
      context.state = ContextState.working;
      context.workLeft = ns;
      if (this.makeRoom(context)) return;
    }
    context.state = this.port.work(this, ns) ? ContextState.ready : ContextState.working;
  }

  private block(context: Context, waiter: number): void {
    if (this.waiters.take(waiter, context)) return;
    this.checkMayBlock(context);
    context.state = ContextState.blocked;
    context.waitingSince = this.now();
    context.timesSlept++;
    this.blockedTasks++;
    this.offCpu(context);
    this.leaveContext();
  }

  /** Blocking in atomic context is a verdict (MTX-3, RCU-8); the kernel knows the rule's number. */
  protected abstract checkMayBlock(context: Context): void;

  private spinOn(context: Context, waiter: number): void {
    if (this.waiters.take(waiter, context)) return;
    context.state = ContextState.spinning;
    context.spinsOn = waiter;
    context.waitingSince = this.now();
    this.debt = 0;
  }
}
