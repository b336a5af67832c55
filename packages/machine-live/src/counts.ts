import { handlerAt, handlerCount } from '@kmemlab/kernel';

/** Messages sent by one thread, by kind and by the node they went to. Homed operations done in place count as sent, too. */
export class SentCounts {
  private readonly handlers = new Float64Array(handlerCount());
  private completions = 0;
  private wakeups = 0;
  readonly toNode: number[];

  constructor(nodes: number) {
    this.toNode = new Array(nodes).fill(0);
  }

  handler(index: number, node: number): void {
    this.handlers[index] = (this.handlers[index] as number) + 1;
    this.toNode[node] = (this.toNode[node] as number) + 1;
  }

  completion(node: number): void {
    this.completions++;
    this.toNode[node] = (this.toNode[node] as number) + 1;
  }

  wakeup(node: number): void {
    this.wakeups++;
    this.toNode[node] = (this.toNode[node] as number) + 1;
  }

  get total(): number {
    return this.toNode.reduce((sum, count) => sum + count, 0);
  }

  byKind(): Record<string, number> {
    const kinds: Record<string, number> = {};
    this.handlers.forEach((count, index) => {
      if (count > 0) kinds[handlerAt(index)?.name ?? String(index)] = count;
    });
    if (this.completions > 0) kinds.complete = this.completions;
    if (this.wakeups > 0) kinds.wakeThread = this.wakeups;
    return kinds;
  }
}
