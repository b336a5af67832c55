import {
  type Context,
  type Core,
  type Costs,
  checkMessage,
  cpuOfWaiter,
  type Handler,
  isCallFunction,
  type Topology,
} from '@kmemlab/machine';
import type { EventQueue } from './event-queue.js';
import { EventKind, EventOf, type MessageEvent, type SimEvent } from './events.js';
import type { HandlerPort } from './handler-context.js';
import { MessageCounts } from './message-counts.js';

type AnyHandler = Handler<never, never, unknown>;

/**
 * What travels between CPUs and nodes: messages, answers, completions and doorbells, each with the time of its flight.
 * Messages of one CPU to one node arrive in the order in which they were sent, and doorbells do not overtake them.
 */
export class Interconnect implements HandlerPort {
  readonly messages: MessageCounts;
  /** Call-function doorbells under way. */
  doorbells = 0;
  /** Call-function interrupts per CPU as the interrupt controller saw them: delivered to the CPU, and merged into one pending. */
  readonly received: number[];
  readonly merged: number[];
  /** One way of a cache-line transfer: half a round trip, in whole ns. */
  private readonly sameNode: number;
  private readonly crossNode: number;
  private readonly lastArrival: Float64Array;

  constructor(
    private readonly topology: Topology,
    private readonly costs: Costs,
    private readonly queue: EventQueue<SimEvent>,
  ) {
    this.messages = new MessageCounts(topology);
    this.received = new Array(topology.cpuCount).fill(0);
    this.merged = new Array(topology.cpuCount).fill(0);
    this.sameNode = Math.ceil(costs['cacheLine.sameNode'] / 2);
    this.crossNode = Math.ceil(costs['cacheLine.crossNode'] / 2);
    this.lastArrival = new Float64Array(this.channelsAcross);
  }

  /** Channels between a CPU and a node, one for each direction, are numbered 0 to this, exclusive. */
  private get channelsAcross(): number {
    return 2 * this.topology.cpuCount * this.topology.nodes;
  }

  /** Channels of a CPU with itself, behind those: for its work (0), its timers (1) and the system calls of its guests (2). */
  ownChannel(cpu: number, which: 0 | 1 | 2): number {
    return this.channelsAcross + 3 * cpu + which;
  }

  private channelTo(cpu: number, node: number): number {
    return cpu * this.topology.nodes + node;
  }

  private channelFrom(node: number, cpu: number): number {
    return this.topology.cpuCount * this.topology.nodes + node * this.topology.cpuCount + cpu;
  }

  /** When something sent at `time` arrives, behind what was sent on this channel before. */
  private arrival(channel: number, time: number, from: number, to: number): number {
    const arrival = Math.max(
      time + (from === to ? this.sameNode : this.crossNode),
      this.lastArrival[channel] as number,
    );
    this.lastArrival[channel] = arrival;
    return arrival;
  }

  /** A CPU sends a message, at `time`; `context` waits for the answer, null for a post. */
  send(
    core: Core,
    time: number,
    node: number,
    handler: AnyHandler,
    args: unknown,
    object: number,
    context: Context | null,
    index: number,
  ): void {
    checkMessage(node, this.topology.nodes, handler);
    const channel = this.channelTo(core.id, node);
    const running = core.currentTask;
    this.messages.handler(handler.index, core.node, node);
    const taskId = core.inInterrupt ? 0 : (running?.taskId ?? 0);
    const message = { node, taskId, taskName: running?.taskName ?? 'idle', handler, args, object, context, index };
    const arrival = this.arrival(channel, time, core.node, node);
    this.queue.push(arrival, new EventOf(EventKind.message, channel, core.id, message));
  }

  /** The answer of a handler that ended at `time`, to the context that waits for it. */
  answer(event: MessageEvent, time: number, value: unknown): void {
    const { cpu, body } = event;
    const { node, index } = body;
    const channel = this.channelFrom(node, cpu);
    const arrival = this.arrival(channel, time, node, this.topology.nodeOf(cpu));
    const context = body.context as Context;
    this.queue.push(arrival, new EventOf(EventKind.answer, channel, cpu, { context, index, value }));
  }

  postFrom(event: MessageEvent, time: number, node: number, handler: AnyHandler, args: unknown): void {
    checkMessage(node, this.topology.nodes, handler);
    const { cpu, body } = event;
    const channel = this.channelTo(cpu, node);
    this.messages.handler(handler.index, body.node, node);
    const arrival = this.arrival(channel, time, body.node, node);
    const { taskId, taskName } = body;
    const message = { node, taskId, taskName, handler, args, object: 0, context: null, index: 0 };
    this.queue.push(arrival, new EventOf(EventKind.message, channel, cpu, message));
  }

  complete(event: MessageEvent, time: number, waiter: number, value: number): void {
    const cpu = cpuOfWaiter(waiter);
    const from = event.body.node;
    this.messages.completion(from, this.topology.nodeOf(cpu));
    const { channel, arrival } = this.toCpu(from, time, cpu);
    this.queue.push(arrival, new EventOf(EventKind.completion, channel, cpu, { waiter, value, from: event.cpu }));
  }

  wakeThread(event: MessageEvent, time: number, cpu: number, thread: string, data: number): void {
    const from = event.body.node;
    this.messages.wakeup(from, this.topology.nodeOf(cpu));
    const { channel, arrival } = this.toCpu(from, time, cpu);
    this.queue.push(arrival, new EventOf(EventKind.thread, channel, cpu, { thread, data, from: event.cpu }));
  }

  private toCpu(from: number, time: number, cpu: number): { channel: number; arrival: number } {
    const channel = this.channelFrom(from, cpu);
    return { channel, arrival: this.arrival(channel, time, from, this.topology.nodeOf(cpu)) };
  }

  ring(sender: number, target: number, vector: number, time: number): void {
    const channel = this.channelTo(sender, this.topology.nodeOf(target));
    const arrival = Math.max(time + this.costs['ipi.flight'], this.lastArrival[channel] as number);
    if (isCallFunction(vector)) this.doorbells++;
    this.queue.push(arrival, new EventOf(EventKind.doorbell, channel, target, vector));
  }

  /** A doorbell arrives at its CPU. */
  deliverDoorbell(target: Core, vector: number): void {
    const delivered = target.deliverInterrupt(vector);
    if (!isCallFunction(vector)) return;
    this.doorbells--;
    this.received[target.id] = (this.received[target.id] ?? 0) + 1;
    if (!delivered) this.merged[target.id] = (this.merged[target.id] ?? 0) + 1;
  }
}
