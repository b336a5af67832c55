import {
  handlerAt,
  type KernelBuild,
  type KernelNode,
  type Syscall,
  type SyscallResult,
  type TaskRecord,
} from '@kmemlab/kernel';
import {
  checkMessage,
  cpuOfWaiter,
  failureLine,
  type Handler,
  type HandlerContext,
  type Verdict,
  VerdictError,
} from '@kmemlab/machine';
import { decodeBody, encodeArguments, encodeBody } from '../body.js';
import type { MachineClock } from '../clock.js';
import { SentCounts } from '../counts.js';
import { parsePlace } from '../cpu/places.js';
import type { Inbox } from '../memory/inbox.js';
import type { Switchboard } from '../memory/switchboard.js';
import { encodeMessage, Kind, Message } from '../message.js';
import { Acknowledgements } from './acknowledgements.js';
import { AgentHandlerContext } from './agent-handler-context.js';

type AnyHandler = Handler<never, never, unknown>;

/** Where an agent's messages to other nodes go. */
export interface Outlet {
  send(message: Uint8Array): void;
}

/** What the agent tells the rest of its process. */
export interface AgentListener {
  onVerdict(verdict: Verdict): void;
  onFailure(detail: string): void;
  /** A system call has returned to a guest of this node. */
  onReturned(task: TaskRecord, result: SyscallResult, cpu: number): void;
}

export interface MemoryAgentOptions {
  readonly node: KernelNode;
  readonly build: KernelBuild;
  readonly clock: MachineClock;
  readonly board: Switchboard;
  /** Inboxes of the node's CPUs by index, then the agent's. */
  readonly inboxes: readonly Inbox[];
  /** By node. */
  readonly outlets: ReadonlyMap<number, Outlet>;
  readonly listener: AgentListener;
}

/**
 * The memory agent of one node: runs the handlers of everything homed there, one at a time, and passes on what is for others.
 * It knows nothing about how its thread sleeps; whoever owns it calls `drain`.
 */
export class MemoryAgent {
  readonly sent: SentCounts;
  readonly acknowledgements: Acknowledgements;
  /** Messages handled. */
  events = 0;
  private readonly incoming = new Message();
  private readonly outgoing = new Message();
  private readonly context: AgentHandlerContext;
  private readonly index: number;
  private readonly firstCpu: number;
  /** Posts of this node's handlers to itself. */
  private readonly own: Message[] = [];
  /** Messages for CPUs whose inbox was full, by CPU index. */
  private readonly late: Message[][];
  private lateCount = 0;
  private readonly places: Map<number, string>[];

  constructor(private readonly options: MemoryAgentOptions) {
    const { node, inboxes } = options;
    const { topology } = node;
    this.index = inboxes.length - 1;
    this.firstCpu = topology.firstCpuOf(node.id);
    this.sent = new SentCounts(topology.nodes, node.id);
    this.acknowledgements = new Acknowledgements(topology.nodes);
    this.context = new AgentHandlerContext(this);
    this.late = Array.from({ length: this.index }, () => []);
    this.places = Array.from({ length: topology.cpuCount }, () => new Map());
  }

  time(): number {
    return this.options.clock.time();
  }

  /** The task and kernel stack that a CPU of any node has announced under this number. */
  placeOf(cpu: number, place: number): ReturnType<typeof parsePlace> {
    return parsePlace(this.places[cpu]?.get(place) ?? 'idle');
  }

  /** Nothing waits here to be handled or passed on. */
  get idle(): boolean {
    return this.own.length === 0 && this.lateCount === 0 && (this.options.inboxes[this.index] as Inbox).isEmpty;
  }

  /** Messages wait for room in the inbox of a CPU. */
  get hasLate(): boolean {
    return this.lateCount > 0;
  }

  /** Handle up to `most` messages of this node's threads. Returns how many there were. */
  drain(most: number): number {
    const inbox = this.options.inboxes[this.index] as Inbox;
    if (this.lateCount > 0) this.retryLate();
    let handled = 0;
    while (handled < most && inbox.pull(this.incoming)) {
      this.receive(this.incoming);
      handled++;
    }
    return handled;
  }

  /** A message of a thread of this node or of another node: handled if it is for this node, else passed on. */
  receive(message: Message): void {
    if (message.node !== this.options.node.id) this.pass(message);
    else this.handle(message);
    for (let own = this.own.shift(); own !== undefined; own = this.own.shift()) this.handle(own);
  }

  private handle(message: Message): void {
    this.events++;
    switch (message.kind) {
      case Kind.request:
      case Kind.post:
        this.run(message);
        return;
      case Kind.place:
        this.places[message.cpu]?.set(message.a, decodeBody(message.body as Uint8Array) as string);
        return;
      case Kind.raise:
        this.raise(message.cpu, message.a, message.b);
        return;
      case Kind.returned: {
        const [task, result] = decodeBody(message.body as Uint8Array) as [TaskRecord, SyscallResult];
        this.options.listener.onReturned(task, result, message.cpu);
        return;
      }
      case Kind.verdict:
        this.options.listener.onVerdict(decodeBody(message.body as Uint8Array) as Verdict);
        return;
      case Kind.failure:
        this.options.listener.onFailure(decodeBody(message.body as Uint8Array) as string);
        return;
      default:
        this.toCpu(message.a, message);
    }
  }

  /** Run a handler. A broken rule goes back to the CPU that asked, which knows its stack. */
  private run(message: Message): void {
    const { kind, cpu, a, b, c, d, body } = message;
    const handler = handlerAt(a) as AnyHandler;
    this.context.begin(cpu, c, d, handler.name);
    try {
      const run = this.options.build.functions.handler(handler as never) as (
        node: KernelNode,
        args: unknown,
        context: HandlerContext,
      ) => unknown;
      const value = run(this.options.node, body === null ? null : decodeBody(body), this.context);
      if (kind === Kind.request) this.answer(cpu, b, value);
    } catch (error) {
      this.failed(kind, cpu, b, handler, error);
    }
  }

  private answer(cpu: number, ticket: number, value: unknown): void {
    const number = typeof value === 'number';
    const body = number || value === undefined ? null : encodeBody(value);
    this.send(cpu, Kind.answer, cpu, ticket, number ? value : 0, Number(number), body);
  }

  private failed(kind: number, cpu: number, ticket: number, handler: AnyHandler, error: unknown): void {
    if (!(error instanceof VerdictError)) {
      this.options.listener.onFailure(failureLine(error, `handler ${handler.name} at node ${this.options.node.id}`));
    } else if (kind === Kind.request) this.send(cpu, Kind.refused, cpu, ticket, 0, 0, encodeBody(error.verdict));
    else this.options.listener.onVerdict(error.verdict);
  }

  // What handlers cause.

  post(home: number, cpu: number, taskId: number, place: number, handler: AnyHandler, args: unknown): void {
    checkMessage(home, this.options.node.topology.nodes, handler);
    this.sent.handler(handler.index, home);
    const message = new Message().set(Kind.post, home, cpu, handler.index, 0, taskId, place, encodeArguments(args));
    if (home === this.options.node.id) this.own.push(message);
    else this.pass(message);
  }

  complete(waker: number, waiter: number, value: number): void {
    const cpu = cpuOfWaiter(waiter);
    this.sent.completion(this.nodeOf(cpu));
    this.send(waker, Kind.completion, cpu, waiter, value, 0, null);
  }

  wakeThread(waker: number, cpu: number, thread: string, data: number): void {
    this.sent.wakeup(this.nodeOf(cpu));
    this.send(waker, Kind.thread, cpu, data, 0, 0, encodeBody(thread));
  }

  raise(sender: number, cpu: number, vector: number): void {
    const own = this.options.node.id;
    if (this.nodeOf(cpu) === own) {
      const from = this.nodeOf(sender);
      if (from !== own) this.acknowledgements.raised(from, cpu, vector);
      this.options.board.raise(cpu - this.firstCpu, vector);
    } else this.send(sender, Kind.raise, cpu, vector, 0, 0, null);
  }

  /** Bring a guest's system call to a CPU. */
  dispatch(cpu: number, task: TaskRecord, syscall: Syscall): void {
    this.send(cpu, Kind.syscall, cpu, this.options.node.id, 0, 0, encodeBody([task, syscall]));
  }

  /** A guest is not on this CPU any more. */
  leave(cpu: number, pid: number): void {
    this.send(cpu, Kind.leave, cpu, pid, 0, 0, null);
  }

  // What leaves this thread.

  private nodeOf(cpu: number): number {
    return this.options.node.topology.nodeOf(cpu);
  }

  /** Send to a CPU of any node. */
  private send(from: number, kind: Kind, cpu: number, b: number, c: number, d: number, body: Uint8Array | null): void {
    const node = this.nodeOf(cpu);
    const message = this.outgoing.set(kind, node, from, cpu, b, c, d, body);
    if (node === this.options.node.id) this.toCpu(cpu, message);
    else this.pass(message);
  }

  private pass(message: Message): void {
    this.acknowledgements.leaves(message);
    this.options.outlets.get(message.node)?.send(encodeMessage(message));
  }

  private toCpu(cpu: number, message: Message): void {
    const index = cpu - this.firstCpu;
    const late = this.late[index] as Message[];
    if (late.length > 0 || !(this.options.inboxes[index] as Inbox).push(message)) {
      const { kind, node, cpu: from, a, b, c, d, body } = message;
      late.push(new Message().set(kind, node, from, a, b, c, d, body));
      this.lateCount++;
    }
    if (message.kind === Kind.completion) this.options.board.ringFor(index, message.b);
    else this.options.board.ring(index);
  }

  private retryLate(): void {
    for (const [index, late] of this.late.entries()) {
      if (late.length === 0) continue;
      const inbox = this.options.inboxes[index] as Inbox;
      while (late.length > 0 && inbox.push(late[0] as Message)) {
        late.shift();
        this.lateCount--;
      }
      this.options.board.ring(index);
    }
  }
}
