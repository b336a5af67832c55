import { Histogram } from './histogram.js';
import type { Clock, Duration, SlowestKick } from './schema.js';

const KICK_PARTS = ['send', 'delivery', 'irqOffWait', 'handler', 'ack'] as const;

/** Durations as plain data, for messages between threads and processes. */
export interface PlainDurations {
  /** Name and `Histogram.toPlain()`. */
  readonly histograms: readonly (readonly [string, readonly number[]])[];
  readonly slowest: SlowestKick | null;
}

/** Durations of one phase: histograms by name, and the slowest kick. Recording does what a kernel's DurationSink needs. */
export class PhaseDurations {
  readonly histograms = new Map<string, Histogram>();
  slowest: SlowestKick | undefined;

  /** Add one duration in ns. */
  record(name: string, ns: number): void {
    let histogram = this.histograms.get(name);
    if (histogram === undefined) {
      histogram = new Histogram();
      this.histograms.set(name, histogram);
    }
    histogram.record(ns);
  }

  /** Add one kick_all_cpus_sync and its parts. */
  kick(split: SlowestKick): void {
    this.record('kick_all_cpus_sync', split.ns);
    for (const part of KICK_PARTS) this.record(`kick.${part}`, split[part]);
    if (this.slowest === undefined || split.ns > this.slowest.ns) this.slowest = split;
  }

  /** Add another phase's, thread's or node's durations. */
  merge(other: PhaseDurations): void {
    for (const [name, histogram] of other.histograms) {
      const own = this.histograms.get(name) ?? new Histogram();
      own.merge(histogram);
      this.histograms.set(name, own);
    }
    if (other.slowest !== undefined && other.slowest.ns > (this.slowest?.ns ?? -1)) this.slowest = other.slowest;
  }

  /** The durations as a result holds them, by name. */
  summary(clock: Clock): Record<string, Duration> {
    const names = [...this.histograms.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, (this.histograms.get(name) as Histogram).toDuration(clock)]));
  }

  toPlain(): PlainDurations {
    const histograms = [...this.histograms].map(([name, histogram]) => [name, histogram.toPlain()] as const);
    return { histograms, slowest: this.slowest ?? null };
  }

  /** Throws RangeError if a histogram is none. */
  static fromPlain({ histograms, slowest }: PlainDurations): PhaseDurations {
    const durations = new PhaseDurations();
    for (const [name, plain] of histograms) durations.histograms.set(name, Histogram.fromPlain(plain));
    durations.slowest = slowest ?? undefined;
    return durations;
  }
}

/** Sends what the kernel records to the phase in progress. */
export class Recorder {
  current = new PhaseDurations();

  record(name: string, ns: number): void {
    this.current.record(name, ns);
  }

  kick(split: SlowestKick): void {
    this.current.kick(split);
  }

  /** Begin the next phase; returns the durations of the one that ends. */
  next(): PhaseDurations {
    const ended = this.current;
    this.current = new PhaseDurations();
    return ended;
  }
}
