import type { Handler, HandlerContext, Step } from '@kmemlab/machine';
import type { MessageEvent } from './events.js';

/** What a running handler can cause on the machine; implemented by the machine. */
export interface HandlerPort {
  postFrom(
    event: MessageEvent,
    time: number,
    node: number,
    handler: Handler<never, never, unknown>,
    args: unknown,
  ): void;
  complete(event: MessageEvent, time: number, waiter: number, value: number): void;
  ring(sender: number, target: number, vector: number, time: number): void;
  wakeThread(event: MessageEvent, time: number, cpu: number, thread: string, data: number): void;
}

/** The context of the handler that is running; handlers never nest, so one object serves them all. */
export class SimHandlerContext implements HandlerContext {
  now = 0;
  cpu = 0;
  taskId = 0;
  /** Service time so far, ns. */
  charged = 0;
  private event: MessageEvent | undefined = undefined;

  constructor(private readonly machine: HandlerPort) {}

  begin(event: MessageEvent, start: number, service: number): void {
    this.event = event;
    this.now = start;
    this.cpu = event.cpu;
    this.taskId = event.body.taskId;
    this.charged = service;
  }

  post<N, A>(home: number, handler: Handler<N, A, unknown>, args: A): void {
    this.machine.postFrom(this.event as MessageEvent, this.now, home, handler as never, args);
  }

  complete(waiter: number, value: number): void {
    this.machine.complete(this.event as MessageEvent, this.now, waiter, value);
  }

  raise(cpu: number, vector: number): void {
    this.machine.ring(this.cpu, cpu, vector, this.now);
  }

  wakeThread(cpu: number, thread: string, data: number): void {
    this.machine.wakeThread(this.event as MessageEvent, this.now, cpu, thread, data);
  }

  charge(ns: number): void {
    this.charged += Math.ceil(ns);
  }

  readonly step = (): Step => {
    const { cpu, body } = this.event as MessageEvent;
    const { taskName, context, handler } = body;
    return Object.freeze({
      cpu,
      task: taskName,
      function: context?.function ?? handler.name,
      time: this.now,
      stack: context?.stack() ?? [],
    });
  };
}
