/** What a floor came to: host time of one round trip in ns, over `rounds` of them after the warm-up. */
export interface Floor {
  readonly medianNs: number;
  readonly p99Ns: number;
  readonly rounds: number;
}

/** Share of the rounds at the start that is thrown away: caches and the compiler are cold. */
const WARM_UP = 0.1;

const rank = (sorted: Float64Array, p: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0);

/** Median and 99th percentile of the samples in ns, without the first tenth. Throws RangeError without samples. */
export function summarize(samples: Float64Array): Floor {
  if (samples.length === 0) throw new RangeError('no round was measured');
  const sorted = samples.slice(Math.floor(samples.length * WARM_UP)).sort();
  return { medianNs: rank(sorted, 0.5), p99Ns: rank(sorted, 0.99), rounds: sorted.length };
}

/** Repeats of one floor as one: the median of the medians, and of the 99th percentiles. */
export function combine(repeats: readonly Floor[]): Floor {
  const middle = (pick: (floor: Floor) => number) => rank(Float64Array.from(repeats, pick).sort(), 0.5);
  return {
    medianNs: middle((floor) => floor.medianNs),
    p99Ns: middle((floor) => floor.p99Ns),
    rounds: repeats.reduce((sum, floor) => sum + floor.rounds, 0),
  };
}
