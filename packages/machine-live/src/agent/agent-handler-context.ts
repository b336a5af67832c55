import type { Handler, HandlerContext, Step } from '@kmemlab/machine';
import type { MemoryAgent } from './memory-agent.js';

/** The context of the handler that the agent is running; handlers never nest, so one object serves them all. */
export class AgentHandlerContext implements HandlerContext {
  cpu = 0;
  taskId = 0;
  private place = 0;
  private handler = '';

  constructor(private readonly agent: MemoryAgent) {}

  begin(cpu: number, taskId: number, place: number, handler: string): void {
    this.cpu = cpu;
    this.taskId = taskId;
    this.place = place;
    this.handler = handler;
  }

  get now(): number {
    return this.agent.time();
  }

  post<N, A>(home: number, handler: Handler<N, A, unknown>, args: A): void {
    this.agent.post(home, this.cpu, this.taskId, this.place, handler as never, args);
  }

  complete(waiter: number, value: number): void {
    this.agent.complete(this.cpu, waiter, value);
  }

  raise(cpu: number, vector: number): void {
    this.agent.raise(this.cpu, cpu, vector);
  }

  wakeThread(cpu: number, thread: string, data: number): void {
    this.agent.wakeThread(this.cpu, cpu, thread, data);
  }

  /** Service time is the host's. */
  charge(): void {}

  readonly step = (): Step => {
    const { task, stack } = this.agent.placeOf(this.cpu, this.place);
    const name = stack[0] ?? this.handler;
    return { cpu: this.cpu, task, function: name, time: this.now, stack: [this.handler, ...stack] };
  };
}
