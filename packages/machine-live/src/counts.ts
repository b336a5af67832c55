import { handlerAt, handlerCount } from '@kmemlab/kernel';

/** Messages of each kind: handlers by index, then the two that are no handlers. */
class KindCounts {
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

/** Messages sent by one thread, by kind and by the node they went to. Homed operations done in place count as sent, too. */
export class SentCounts {
  private readonly near = new KindCounts();
  private readonly far = new KindCounts();
  readonly toNode: number[];

  /** @param own node of the thread */
  constructor(
    nodes: number,
    private readonly own: number,
  ) {
    this.toNode = new Array(nodes).fill(0);
  }

  handler(index: number, node: number): void {
    this.kindsTo(node).handler(index);
  }

  completion(node: number): void {
    this.kindsTo(node).completions++;
  }

  wakeup(node: number): void {
    this.kindsTo(node).wakeups++;
  }

  get total(): number {
    return this.toNode.reduce((sum, count) => sum + count, 0);
  }

  byKind(): Record<string, number> {
    const kinds = this.near.byName();
    for (const [kind, count] of Object.entries(this.far.byName())) kinds[kind] = (kinds[kind] ?? 0) + count;
    return kinds;
  }

  /** Those of {@link byKind} that went to another node. */
  crossNodeByKind(): Record<string, number> {
    return this.far.byName();
  }

  private kindsTo(node: number): KindCounts {
    this.toNode[node] = (this.toNode[node] as number) + 1;
    return node === this.own ? this.near : this.far;
  }
}
