import type { DurationSink, KickSplit } from '@kmemlab/kernel';
import { type Clock, type Duration, Histogram } from '@kmemlab/results';

const KICK_PARTS = ['send', 'delivery', 'irqOffWait', 'handler', 'ack'] as const;

/** Durations of one phase: histograms by name, and the slowest kick. */
export class PhaseDurations implements DurationSink {
  readonly histograms = new Map<string, Histogram>();
  slowest: KickSplit | undefined;

  record(name: string, ns: number): void {
    let histogram = this.histograms.get(name);
    if (histogram === undefined) {
      histogram = new Histogram();
      this.histograms.set(name, histogram);
    }
    histogram.record(ns);
  }

  kick(split: KickSplit): void {
    this.record('kick_all_cpus_sync', split.ns);
    for (const part of KICK_PARTS) this.record(`kick.${part}`, split[part]);
    if (this.slowest === undefined || split.ns > this.slowest.ns) this.slowest = split;
  }

  /** Add another phase's durations. */
  merge(other: PhaseDurations): void {
    for (const [name, histogram] of other.histograms) {
      const own = this.histograms.get(name) ?? new Histogram();
      own.merge(histogram);
      this.histograms.set(name, own);
    }
    if (other.slowest !== undefined && other.slowest.ns > (this.slowest?.ns ?? -1)) this.slowest = other.slowest;
  }

  summary(clock: Clock): Record<string, Duration> {
    const names = [...this.histograms.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, (this.histograms.get(name) as Histogram).toDuration(clock)]));
  }
}

/** Sends what the kernel records to the phase in progress. */
export class Recorder implements DurationSink {
  current = new PhaseDurations();

  record(name: string, ns: number): void {
    this.current.record(name, ns);
  }

  kick(split: KickSplit): void {
    this.current.kick(split);
  }

  /** Begin the next phase; returns the durations of the one that ends. */
  next(): PhaseDurations {
    const ended = this.current;
    this.current = new PhaseDurations();
    return ended;
  }
}
