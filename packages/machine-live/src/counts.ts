import { MessageKinds } from '@kmemlab/kernel';

/** Messages sent by one thread, by kind and by the node they went to. Homed operations done in place count as sent, too. */
export class SentCounts {
  private readonly near = new MessageKinds();
  private readonly far = new MessageKinds();
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

  private kindsTo(node: number): MessageKinds {
    this.toNode[node] = (this.toNode[node] as number) + 1;
    return node === this.own ? this.near : this.far;
  }
}
