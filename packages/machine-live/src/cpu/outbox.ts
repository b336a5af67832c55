import type { Cpu } from '@kmemlab/kernel';
import { checkMessage, cpuOfWaiter, type Handler } from '@kmemlab/machine';
import { encodeArguments, encodeBody } from '../body.js';
import { SentCounts } from '../counts.js';
import type { Inbox } from '../memory/inbox.js';
import type { Switchboard } from '../memory/switchboard.js';
import { Kind, Message } from '../message.js';
import { Places } from './places.js';

type AnyHandler = Handler<never, never, unknown>;

/** Everything that leaves a CPU: to its node's other threads directly, to other nodes by way of the memory agent. */
export class Outbox {
  readonly sent: SentCounts;
  /** Where the kernel was when it last asked for something. */
  lastPlace = 0;
  private readonly places = new Places((place, name) => this.announcePlace(place, name));
  private readonly outgoing = new Message();
  /** Messages lie in the agent's inbox for which its bell has not been rung. */
  private agentUntold = false;

  /**
   * @param inboxes of the node's CPUs by index, then the agent's
   * @param emptyOwn the CPU empties its own inbox, called while another one is full
   */
  constructor(
    private readonly cpu: Cpu,
    private readonly board: Switchboard,
    private readonly inboxes: readonly Inbox[],
    private readonly emptyOwn: () => void,
  ) {
    this.sent = new SentCounts(cpu.topology.nodes, cpu.node);
  }

  /** Ring for the agent if something has been left for it. */
  tellAgent(): void {
    if (!this.agentUntold) return;
    this.agentUntold = false;
    this.board.ring(this.agent);
  }

  private get agent(): number {
    return this.inboxes.length - 1;
  }

  post(home: number, handler: AnyHandler, args: unknown): void {
    checkMessage(home, this.cpu.topology.nodes, handler);
    this.sent.handler(handler.index, home);
    this.handler(Kind.post, home, handler, 0, encodeArguments(args));
  }

  /** A post, or a request whose answer carries the ticket. */
  handler(kind: Kind, home: number, handler: AnyHandler, ticket: number, body: Uint8Array | null): void {
    const { cpu } = this;
    const context = cpu.current;
    const place = context === undefined ? 0 : this.places.of(context);
    this.lastPlace = place;
    this.toAgent(this.outgoing.set(kind, home, cpu.id, handler.index, ticket, cpu.taskId, place, body));
  }

  /** Complete a waiter of any CPU: of this node's at once. */
  complete(waiter: number, value: number): void {
    const { cpu } = this;
    const target = cpuOfWaiter(waiter);
    const node = cpu.nodeOf(target);
    this.sent.completion(node);
    const message = this.outgoing.set(Kind.completion, node, cpu.id, target, waiter, value, 0, null);
    if (node === cpu.node) {
      const thread = this.threadOf(target);
      this.leave(thread, message);
      this.board.ringFor(thread, waiter);
    } else this.toAgent(message);
  }

  raise(target: number, vector: number): void {
    const { cpu } = this;
    const node = cpu.nodeOf(target);
    if (node === cpu.node) this.board.raise(this.threadOf(target), vector);
    else this.toAgent(this.outgoing.set(Kind.raise, node, cpu.id, target, vector, 0, 0, null));
  }

  /** A system call of a task of node `home` has returned. */
  returned(home: number, pid: number, body: Uint8Array): void {
    this.toAgent(this.outgoing.set(Kind.returned, home, this.cpu.id, pid, 0, 0, 0, body));
  }

  /** What came here goes on to another CPU. */
  sendOn({ kind, cpu: from, b, c, d, body }: Message, other: number): void {
    this.toAgent(this.outgoing.set(kind, this.cpu.nodeOf(other), from, other, b, c, d, body));
  }

  /** A verdict or failure goes to the own node. */
  report(kind: Kind, what: unknown): void {
    this.toAgent(new Message().set(kind, this.cpu.node, this.cpu.id, 0, 0, 0, 0, encodeBody(what)));
  }

  private announcePlace(place: number, name: string): void {
    const body = encodeBody(name);
    for (const node of this.cpu.allNodes) {
      this.toAgent(new Message().set(Kind.place, node, this.cpu.id, place, 0, 0, 0, body));
    }
  }

  private toAgent(message: Message): void {
    this.leave(this.agent, message);
    this.agentUntold = true;
  }

  /** Leave a message in another thread's inbox. While that is full this CPU goes on emptying its own. */
  private leave(thread: number, message: Message): void {
    const target = this.inboxes[thread] as Inbox;
    while (!target.push(message)) {
      this.board.ring(thread);
      this.emptyOwn();
      target.waitForRoom(1);
    }
  }

  /** Index of one of the node's CPUs. */
  private threadOf(cpu: number): number {
    return cpu - this.cpu.topology.firstCpuOf(this.cpu.node);
  }
}
