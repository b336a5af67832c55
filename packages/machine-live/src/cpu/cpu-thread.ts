import {
  Cpu,
  fallbackCpu,
  type KernelBuild,
  type NodeMemory,
  type Stretch,
  type Syscall,
  type TaskRecord,
} from '@kmemlab/kernel';
import {
  type Context,
  type Core,
  checkMessage,
  type Handler,
  isCallFunction,
  type PendingTimer,
  type Port,
  type PostEffect,
  type RequestEffect,
  VECTOR_COUNT,
  type Verdict,
  VerdictError,
} from '@kmemlab/machine';
import { decodeBody, encodeArguments, encodeBody } from '../body.js';
import type { MachineClock } from '../clock.js';
import type { Inbox } from '../memory/inbox.js';
import { CpuState, type Switchboard } from '../memory/switchboard.js';
import { Kind, Message } from '../message.js';
import { InPlaceContext } from './in-place-context.js';
import { Outbox } from './outbox.js';
import { Tickets } from './tickets.js';
import { Timers } from './timers.js';

/** Work below this many ns is only added up: a shorter sleep costs more than it lasts. */
const WORK_GRAIN = 20_000;
/** Work done in excess, because the host slept longer than asked, that is set off against later work, ns. */
const MOST_CREDIT = 1e6;

type AnyHandler = Handler<never, never, unknown>;

export interface CpuThreadOptions {
  readonly id: number;
  readonly memory: NodeMemory;
  readonly build: KernelBuild;
  readonly environment: ConstructorParameters<typeof Cpu>[3];
  readonly clock: MachineClock;
  readonly board: Switchboard;
  /** Inboxes of the node's CPUs by index, then the agent's. */
  readonly inboxes: readonly Inbox[];
  readonly stretches: readonly Stretch[];
}

/**
 * One simulated CPU on a thread of its own: what the core asks of its machine, and what arrives for it. The thread looks
 * for arrivals between two stretches of kernel code, and sleeps on its doorbell.
 */
export class CpuThread implements Port {
  readonly cpu: Cpu;
  readonly outbox: Outbox;
  /** Deliveries to this CPU. */
  events = 0;
  /** A verdict or failure has been reported: the kernel does not go on. */
  ended = false;
  private readonly clock: MachineClock;
  private readonly board: Switchboard;
  private readonly index: number;
  private readonly memory: NodeMemory;
  private readonly build: KernelBuild;
  private readonly inbox: Inbox;
  private readonly tickets = new Tickets();
  private readonly timers = new Timers();
  private readonly inPlace: InPlaceContext;
  private readonly incoming = new Message();
  /** Messages taken out while room was wanted elsewhere. */
  private readonly early: Message[] = [];
  private workEnd = Number.POSITIVE_INFINITY;

  constructor({ id, memory, build, environment, clock, board, inboxes, stretches }: CpuThreadOptions) {
    const { topology } = memory;
    this.clock = clock;
    this.board = board;
    this.memory = memory;
    this.build = build;
    this.index = id - topology.firstCpuOf(memory.id);
    this.inbox = inboxes[this.index] as Inbox;
    this.inPlace = new InPlaceContext(this);
    this.cpu = new Cpu(id, memory, build, environment, this, WORK_GRAIN);
    this.outbox = new Outbox(this.cpu, board, inboxes, () => this.takeOut());
    this.cpu.stretches = stretches.length === 0 ? null : stretches.map((stretch) => ({ ...stretch }));
  }

  /** What atomic handlers counted that ran on this thread. */
  get memoryCounters(): NodeMemory['counters'] {
    return this.memory.counters;
  }

  // One turn of the thread.

  /**
   * Take in everything that has arrived or expired, and run kernel code until there is nothing to run. The agent is rung for
   * at the end: what one stretch of kernel code says to another node, a kick of all its CPUs above all, goes out as one frame.
   */
  turn(): void {
    this.advance();
    this.outbox.tellAgent();
  }

  private advance(): void {
    this.receive();
    const vectors = this.board.takeVectors(this.index);
    for (let vector = 0; vector < VECTOR_COUNT; vector++) {
      if ((vectors & (1 << vector)) !== 0) this.deliverInterrupt(vector);
    }
    if (this.ended) return;
    const now = this.time();
    for (let timer = this.timers.takeExpired(now); timer !== undefined; timer = this.timers.takeExpired(now)) {
      this.events++;
      this.cpu.timers.expire(timer.name, timer.data, timer.deferrable);
    }
    if (this.workEnd <= now) {
      this.cpu.debt = Math.max(this.workEnd - now, -MOST_CREDIT);
      this.workEnd = Number.POSITIVE_INFINITY;
      this.cpu.workDone();
    }
    this.cpu.run();
  }

  /** Host ms that the thread may sleep if nobody rings; 0 if it must go on at once. */
  sleepMs(): number {
    if (this.ended || this.clock.standsStill) return Number.POSITIVE_INFINITY;
    const next = Math.min(this.workEnd, this.timers.next);
    return next === Number.POSITIVE_INFINITY ? next : Math.max(0, this.clock.hostMsUntil(next));
  }

  /**
   * The waiter whose completion alone has to wake this thread from its sleep; 0 if anything has to. A message that somebody
   * is still writing hides those behind it, which may be the one: then its own bell must be heard.
   */
  get sleepsFor(): number {
    return this.early.length === 0 && this.inbox.isEmpty ? this.cpu.spinsOnlyOn : 0;
  }

  /** Tell others what this CPU is doing, before it sleeps or when it wakes. */
  publishState(state: CpuState): void {
    const { cpu } = this;
    this.board.setState(this.index, state, cpu.busy, cpu.taskId, this.outbox.lastPlace, this.time());
  }

  restingState(): CpuState {
    if (this.ended) return CpuState.ended;
    if (this.clock.standsStill) return CpuState.held;
    if (this.workEnd !== Number.POSITIVE_INFINITY) return CpuState.working;
    return this.cpu.current === undefined ? CpuState.idle : CpuState.waiting;
  }

  /** True if the CPU is held and at a point at which it can stand still. */
  get canStandStill(): boolean {
    return this.ended || (this.cpu.held && this.cpu.standsStill && this.early.length === 0 && this.inbox.isEmpty);
  }

  // Port: what the core asks for.

  time(): number {
    return this.clock.time();
  }

  now(): number {
    return this.clock.time();
  }

  work(_core: Core, ns: number): boolean {
    if (this.clock.standsStill) return true;
    this.workEnd = this.time() + ns;
    return false;
  }

  interruptWork(): number {
    const left = Math.max(0, this.workEnd - this.time());
    this.workEnd = Number.POSITIVE_INFINITY;
    return left;
  }

  request(core: Core, context: Context, { homes, handler, args }: RequestEffect<unknown>): void {
    const list = typeof homes === 'number' ? [homes] : homes;
    for (const home of list) checkMessage(home, this.memory.topology.nodes, handler);
    const ticket = this.tickets.take(context);
    const body = encodeArguments(args);
    for (const [index, home] of list.entries()) {
      this.outbox.sent.handler(handler.index, home);
      if (handler.atomic && home === core.node) this.answered(ticket + index, this.runInPlace(handler, args));
      else this.outbox.handler(Kind.request, home, handler, ticket + index, body);
    }
  }

  post(core: Core, { homes: home, handler, args }: PostEffect): void {
    if (handler.atomic && home === core.node) {
      this.outbox.sent.handler(handler.index, home);
      this.runInPlace(handler, args);
    } else this.outbox.post(home, handler, args);
  }

  /** Other nodes first: the way there is the longest, and a CPU of this node that wakes may take the core from this thread. */
  raise(core: Core, cpus: readonly number[], vector: number): void {
    const { topology } = this.memory;
    const isHere = (cpu: number): boolean => topology.nodeOf(cpu) === core.node;
    for (const cpu of cpus) if (!isHere(cpu)) this.outbox.raise(cpu, vector);
    this.outbox.tellAgent();
    for (const cpu of cpus) if (isHere(cpu)) this.outbox.raise(cpu, vector);
  }

  timer(_core: Core, delay: number, name: string, data: number, deferrable: boolean): number {
    return this.timers.add(this.time() + delay, name, data, deferrable);
  }

  cancelTimer(_core: Core, timer: number): void {
    this.timers.cancel(timer);
  }

  takeTimers(): PendingTimer[] {
    const now = this.time();
    return this.timers
      .takeAll()
      .map(({ name, data, deferrable, at }) => ({ name, data, deferrable, left: Math.max(0, at - now) }));
  }

  failed(core: Core, error: unknown): void {
    if (error instanceof VerdictError) this.report(Kind.verdict, error.verdict);
    else this.report(Kind.failure, core.failure(error));
  }

  private runInPlace(handler: AnyHandler, args: unknown): unknown {
    const run = this.build.functions.handler(handler as never) as (
      memory: NodeMemory,
      args: unknown,
      context: InPlaceContext,
    ) => unknown;
    return run(this.memory, args, this.inPlace);
  }

  private report(kind: Kind, what: unknown): void {
    this.ended = true;
    this.outbox.report(kind, what);
  }

  // What arrives for this CPU.

  /** Empty the inbox; what was in it is delivered later, in its order. */
  private takeOut(): void {
    for (let early = new Message(); this.inbox.pull(early); early = new Message()) this.early.push(early);
  }

  private receive(): void {
    for (;;) {
      const next = this.early.shift() ?? (this.inbox.pull(this.incoming) ? this.incoming : undefined);
      if (next === undefined) return;
      this.deliver(next);
    }
  }

  private deliver(message: Message): void {
    const { cpu } = this;
    const { kind, b, c, d, body } = message;
    this.events++;
    switch (kind) {
      case Kind.answer:
        this.answered(b, d === 1 ? c : body === null ? undefined : decodeBody(body));
        return;
      case Kind.completion:
        if (cpu.deliverCompletion(b, c)) this.woken(message.cpu);
        return;
      case Kind.thread: {
        const thread = decodeBody(body as Uint8Array) as string;
        if (cpu.refuses(thread)) {
          this.sendOn(message);
          return;
        }
        cpu.deliverThread(thread, b);
        this.woken(message.cpu);
        return;
      }
      case Kind.syscall:
        if (cpu.refuses(null)) {
          this.sendOn(message);
          return;
        }
        this.deliverSyscall(decodeBody(body as Uint8Array) as [TaskRecord, Syscall], b);
        return;
      case Kind.leave:
        cpu.leaveUser(b);
        return;
      case Kind.refused:
        this.refused(decodeBody(body as Uint8Array) as Verdict);
        return;
      default:
        throw new Error(`a CPU got a message of kind ${kind}`);
    }
  }

  private answered(ticket: number, value: unknown): void {
    const context = this.tickets.contextOf(ticket);
    if (context.missing === 1) this.tickets.give(ticket);
    this.cpu.deliverAnswer(context, Tickets.indexOf(ticket), value);
  }

  /** A task has come to a CPU that is going down or gone: it goes on to another. */
  private sendOn(message: Message): void {
    const { cpu } = this;
    this.outbox.sendOn(message, fallbackCpu(cpu.published, cpu.topology, cpu.id));
  }

  /** A task was woken: a waker on another CPU sends an interrupt with it, which makes the CPU look. */
  private woken(waker: number): void {
    if (waker === this.cpu.id) return;
    const vector = this.cpu.wokenBy(waker);
    if (isCallFunction(vector)) this.board.raise(this.index, vector);
    else this.cpu.deliverInterrupt(vector);
  }

  private deliverInterrupt(vector: number): void {
    this.events++;
    if (!this.cpu.deliverInterrupt(vector) && isCallFunction(vector)) this.board.merged(this.index);
  }

  private deliverSyscall([task, syscall]: [TaskRecord, Syscall], home: number): void {
    const { cpu } = this;
    cpu.enterUser(task.pid);
    cpu.deliverSyscall(task, syscall, (after, result) => {
      this.outbox.returned(home, after.pid, encodeBody([after, result]));
    });
  }

  /** A handler of this CPU's request found a rule broken: the last step is this CPU's, with its stack. */
  private refused(verdict: Verdict): void {
    const { stack: _bare, ...last } = verdict.steps[verdict.steps.length - 1] ?? this.cpu.step();
    const here = this.cpu.step();
    const context = this.cpu.current;
    const now = { ...last, task: here.task, function: context?.function ?? last.function, stack: here.stack ?? [] };
    this.report(Kind.verdict, { ...verdict, steps: [...verdict.steps.slice(0, -1), now] });
  }
}
