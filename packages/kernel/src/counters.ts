/** Exact counts by name. Each CPU and each node counts what it did itself; a reading adds them up. */
export class Counters {
  private readonly values = new Map<string, number>();

  add(name: string, n = 1): void {
    this.values.set(name, (this.values.get(name) ?? 0) + n);
  }

  get(name: string): number {
    return this.values.get(name) ?? 0;
  }

  addTo(sums: Record<string, number>): void {
    for (const [name, value] of this.values) sums[name] = (sums[name] ?? 0) + value;
  }
}

const sentNames: string[] = [];

/** Name under which the call-function interrupts that a CPU sends are counted. Made once: it is needed for each. */
export function ipiSentBy(cpu: number): string {
  sentNames[cpu] ??= `ipi.sent.${cpu}`;
  return sentNames[cpu];
}
