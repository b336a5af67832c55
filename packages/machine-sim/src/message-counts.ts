import type { Topology } from '@kmemlab/machine';

/** Messages sent, by handler and by distance. */
export class MessageCounts {
  sameNode = 0;
  crossNode = 0;
  /** Sent and not yet handled or answered. */
  inFlight = 0;
  private readonly kinds = new Map<string, number>();
  private readonly crossKinds = new Map<string, number>();

  constructor(readonly topology: Topology) {}

  sent(kind: string, from: number, to: number): void {
    if (from === to) this.sameNode++;
    else {
      this.crossNode++;
      this.crossKinds.set(kind, (this.crossKinds.get(kind) ?? 0) + 1);
    }
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
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
    return sorted(this.kinds);
  }

  /** Those of {@link byKind} that went to another node. */
  crossNodeByKind(): Record<string, number> {
    return sorted(this.crossKinds);
  }
}

const sorted = (kinds: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...kinds].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
