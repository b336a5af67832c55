import { handlerAt, handlerCount } from './registry.js';

/** How many messages of each kind: handlers by index, then the two that are no handlers. */
export class MessageKinds {
  private readonly handlers = new Float64Array(handlerCount());
  completions = 0;
  wakeups = 0;

  handler(index: number): void {
    this.handlers[index] = (this.handlers[index] as number) + 1;
  }

  byName(): Record<string, number> {
    const kinds: Record<string, number> = {};
    this.handlers.forEach((count, index) => {
      if (count > 0) kinds[handlerAt(index)?.name ?? String(index)] = count;
    });
    if (this.completions > 0) kinds.complete = this.completions;
    if (this.wakeups > 0) kinds.wakeThread = this.wakeups;
    return kinds;
  }
}
