import type { Topology } from '@kmemlab/machine';

/** Messages sent, by handler and by distance. */
export class MessageCounts {
  sameNode = 0;
  crossNode = 0;
  /** Sent and not yet handled or answered. */
  inFlight = 0;
  private readonly near = new Map<string, number>();
  private readonly far = new Map<string, number>();

  constructor(readonly topology: Topology) {}

  sent(kind: string, from: number, to: number): void {
    if (from === to) this.sameNode++;
    else this.crossNode++;
    const kinds = from === to ? this.near : this.far;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    this.inFlight++;
  }

  /** Something is under way that is no message of the model: a system call on its way to a CPU or back. */
  started(): void {
    this.inFlight++;
  }

  arrived(): void {
    this.inFlight--;
  }

  byKind(): Record<string, number> {
    const kinds = new Map(this.near);
    for (const [kind, count] of this.far) kinds.set(kind, (kinds.get(kind) ?? 0) + count);
    return sorted(kinds);
  }

  /** Those of {@link byKind} that went to another node. */
  crossNodeByKind(): Record<string, number> {
    return sorted(this.far);
  }
}

const sorted = (kinds: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...kinds].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
