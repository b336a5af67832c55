/** Forget the oldest occupations after this many objects of a node. */
const MOST_OBJECTS = 1 << 16;

/** Until when each object is busy with a handler: service time occupies the object, not the node. */
export class Occupation {
  private readonly until: readonly Map<number, number>[];

  constructor(nodes: number) {
    this.until = Array.from({ length: nodes }, () => new Map());
  }

  /** When a handler that arrives now can start; object 0 stands for none. */
  start(node: number, object: number, now: number): number {
    return object === 0 ? now : Math.max(now, this.until[node]?.get(object) ?? 0);
  }

  occupy(node: number, object: number, until: number): void {
    if (object === 0) return;
    const busy = this.until[node] as Map<number, number>;
    if (busy.size > MOST_OBJECTS) busy.clear();
    busy.set(object, until);
  }
}
