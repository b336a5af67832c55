import { MessageKinds } from '@kmemlab/kernel';
import type { Topology } from '@kmemlab/machine';

/** Messages sent, by kind and by distance. */
export class MessageCounts {
  sameNode = 0;
  crossNode = 0;
  /** Sent and not yet handled or answered. */
  inFlight = 0;
  private readonly near = new MessageKinds();
  private readonly far = new MessageKinds();

  constructor(readonly topology: Topology) {}

  handler(index: number, from: number, to: number): void {
    this.sent(from, to).handler(index);
  }

  completion(from: number, to: number): void {
    this.sent(from, to).completions++;
  }

  wakeup(from: number, to: number): void {
    this.sent(from, to).wakeups++;
  }

  /** Something is under way that is no message of the model: a system call on its way to a CPU or back. */
  started(): void {
    this.inFlight++;
  }

  arrived(): void {
    this.inFlight--;
  }

  byKind(): Record<string, number> {
    const kinds = this.near.byName();
    for (const [kind, count] of Object.entries(this.far.byName())) kinds[kind] = (kinds[kind] ?? 0) + count;
    return sorted(kinds);
  }

  /** Those of {@link byKind} that went to another node. */
  crossNodeByKind(): Record<string, number> {
    return sorted(this.far.byName());
  }

  private sent(from: number, to: number): MessageKinds {
    this.inFlight++;
    if (from === to) this.sameNode++;
    else this.crossNode++;
    return from === to ? this.near : this.far;
  }
}

const sorted = (kinds: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(kinds).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
