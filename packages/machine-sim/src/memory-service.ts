import type { DurationSink, KernelBuild, KernelNode } from '@kmemlab/kernel';
import type { HandlerContext } from '@kmemlab/machine';
import type { MessageEvent } from './events.js';
import { SimHandlerContext } from './handler-context.js';
import type { Interconnect } from './interconnect.js';
import { Occupation } from './occupation.js';

type Run = (node: KernelNode, args: unknown, context: HandlerContext) => unknown;

/** Runs handlers at their nodes, and answers whoever waits for one. */
export class MemoryService {
  private readonly context: SimHandlerContext;
  private readonly occupation: Occupation;

  constructor(
    private readonly build: KernelBuild,
    private readonly nodes: readonly KernelNode[],
    private readonly interconnect: Interconnect,
    private readonly durations: DurationSink,
    /** ns that every handler takes, before what it charges. */
    private readonly serviceTime: number,
  ) {
    this.context = new SimHandlerContext(interconnect);
    this.occupation = new Occupation(nodes.length);
  }

  /** Run the handler of a message that has arrived. Its service time occupies the object: later arrivals are served after it. */
  serve(event: MessageEvent, now: number): void {
    const { context, occupation, interconnect } = this;
    const { node, object, handler, args, context: waiting } = event.body;
    const start = occupation.start(node, object, now);
    context.begin(event, start, this.serviceTime);
    const run = this.build.functions.handler(handler as never) as Run;
    const value = run(this.nodes[node] as KernelNode, args, context);
    const end = start + context.charged;
    if (handler.lock !== null) this.recordSection(handler.lock, start - now, context.charged);
    occupation.occupy(node, object, end);
    if (waiting === null) interconnect.messages.arrived();
    else interconnect.answer(event, end, value);
  }

  private recordSection(lock: string, wait: number, hold: number): void {
    this.durations.record(`${lock}.wait`, wait);
    this.durations.record(`${lock}.hold`, hold);
  }
}
