import type { NodeReport } from '@kmemlab/machine-live';
import { PhaseDurations, type PlainDurations } from '@kmemlab/results';
import { type GracePeriodCounts, gracePeriods, type KernelWork, kernelWork, workRuns } from './kernel-work.js';
import type { NodeCounts } from './live-node.js';
import { emptyReading, type Reading, readingOf } from './reading.js';

/** A report; null where the durations belong to a phase that has ended. */
interface Latest extends NodeCounts {
  readonly durations: PlainDurations | null;
}

/** The latest report of each node of a live machine. */
export class NodeReports {
  private readonly latest = new Map<number, Latest>();

  constructor(
    private readonly nodes: number,
    private readonly cpus: number,
  ) {}

  /** Keep a report unless a later one of its node is known. */
  take(report: NodeReport): void {
    const known = this.latest.get(report.node);
    if (report.node < this.nodes && (known === undefined || known.at <= report.at)) {
      this.latest.set(report.node, report);
    }
  }

  /** Reports at a mark: their durations are those of the phase that ends, and are handed out. */
  mark(reports: readonly NodeReport[]): PhaseDurations {
    const ended = durationsOf(reports);
    for (const report of reports) this.latest.set(report.node, { ...report, durations: null });
    return ended;
  }

  /** Durations of the phase in progress. */
  durations(): PhaseDurations {
    return durationsOf([...this.latest.values()]);
  }

  /** The machine as of these reports; nothing has happened yet on a machine that has not reported as a whole. */
  reading(deadCaches: number): Reading {
    const all = Array.from({ length: this.nodes }, (_, node) => this.latest.get(node));
    const known = all.filter((report) => report !== undefined);
    return known.length === this.nodes ? readingOf(known, deadCaches) : emptyReading(this.cpus);
  }

  asOf(): { node: number; ns: number }[] {
    return Array.from({ length: this.nodes }, (_, node) => ({ node, ns: this.latest.get(node)?.at ?? 0 }));
  }

  /** Machine time, ns. */
  get now(): number {
    return Math.max(0, ...[...this.latest.values()].map(({ at }) => at));
  }

  /** System calls that have returned to the script. */
  get calls(): number {
    let calls = 0;
    for (const { progress } of this.latest.values()) calls += progress;
    return calls;
  }

  /** What the kernel has done itself. */
  get work(): KernelWork {
    return kernelWork((name) => this.sum(name));
  }

  get workRuns(): Readonly<Record<string, number>> {
    return workRuns((name) => this.sum(name));
  }

  get gracePeriods(): readonly GracePeriodCounts[] {
    return gracePeriods((name) => this.sum(name));
  }

  private sum(name: string): number {
    let sum = 0;
    for (const { sums } of this.latest.values()) sum += sums[name] ?? 0;
    return sum;
  }

  get events(): number {
    let events = 0;
    for (const report of this.latest.values()) events += report.events;
    return events;
  }
}

function durationsOf(reports: readonly Latest[]): PhaseDurations {
  const sum = new PhaseDurations();
  for (const { durations } of reports) if (durations !== null) sum.merge(PhaseDurations.fromPlain(durations));
  return sum;
}
