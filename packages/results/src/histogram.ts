import type { Clock, Duration } from './schema.js';

/** Below this value every integer has a bucket of its own; above, 64 buckets per power of two. */
const LINEAR_LIMIT = 128;
const BUCKETS_PER_OCTAVE = 64;
const FIRST_OCTAVE = 7;
const LAST_OCTAVE = 52;
const BUCKETS = LINEAR_LIMIT + (LAST_OCTAVE - FIRST_OCTAVE + 1) * BUCKETS_PER_OCTAVE;
const TWO_32 = 2 ** 32;
/** Numbers before the buckets in a plain histogram. */
const PLAIN_HEAD = 4;

function octaveOf(value: number): number {
  const high = Math.floor(value / TWO_32);
  return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value >>> 0);
}

function bucketOf(value: number): number {
  if (value < LINEAR_LIMIT) return value;
  const octave = octaveOf(value);
  const within = Math.floor(value / 2 ** (octave - 6)) - BUCKETS_PER_OCTAVE;
  return LINEAR_LIMIT + (octave - FIRST_OCTAVE) * BUCKETS_PER_OCTAVE + within;
}

function middleOf(bucket: number): number {
  if (bucket < LINEAR_LIMIT) return bucket;
  const octave = FIRST_OCTAVE + Math.floor((bucket - LINEAR_LIMIT) / BUCKETS_PER_OCTAVE);
  const within = (bucket - LINEAR_LIMIT) % BUCKETS_PER_OCTAVE;
  const width = 2 ** (octave - 6);
  return (BUCKETS_PER_OCTAVE + within) * width + Math.floor(width / 2);
}

/** The least quarter of a power of two above a value. */
function quarterAbove(value: number): number {
  if (value < 4) return value + 1;
  const quarter = 2 ** (octaveOf(value) - 2);
  return (Math.floor(value / quarter) + 1) * quarter;
}

/** The bound before one that `quarterAbove` gives: nothing below it is counted there. */
export const quarterBelow = (bound: number): number =>
  bound <= 4 ? bound - 1 : bound - 2 ** (octaveOf(bound - 1) - 2);

/**
 * A log-linear histogram of durations in integer nanoseconds, 0 to 2^53 - 1.
 * Percentiles are exact below 128 ns and off by at most 1/64 of the value above; count, mean and max are exact
 * (the mean while the sum stays below 2^53). Recording allocates nothing. 24 KiB each.
 */
export class Histogram {
  readonly #buckets = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  /** Adds one duration; a fraction is rounded to the nearest nanosecond. Throws RangeError outside 0 to 2^53 - 1. */
  record(ns: number): void {
    const value = Math.round(ns);
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`not a duration in ns: ${ns}`);
    const bucket = bucketOf(value);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.#count++;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  get count(): number {
    return this.#count;
  }

  /** Mean in ns, 0 when empty. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Largest recorded value in ns, 0 when empty. */
  get max(): number {
    return this.#max;
  }

  /** The nearest-rank percentile in ns, `p` from 0 to 100; 0 when empty. Throws RangeError for another `p`. */
  percentile(p: number): number {
    if (!(p >= 0 && p <= 100)) throw new RangeError(`not a percentile from 0 to 100: ${p}`);
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil((p * this.#count) / 100));
    if (rank >= this.#count) return this.#max;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#buckets[bucket] as number;
      if (seen >= rank) return Math.min(Math.max(middleOf(bucket), this.#min), this.#max);
    }
    return this.#max;
  }

  /** Adds everything `other` has recorded. */
  merge(other: Histogram): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#buckets[bucket] = (this.#buckets[bucket] as number) + (other.#buckets[bucket] as number);
    }
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** As plain numbers for a message: count, sum, least, most, then bucket and number of each bucket that is not empty. */
  toPlain(): number[] {
    const plain = [this.#count, this.#sum, this.#count === 0 ? 0 : this.#min, this.#max];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const held = this.#buckets[bucket] as number;
      if (held > 0) plain.push(bucket, held);
    }
    return plain;
  }

  /** The histogram that `toPlain` made these numbers from. Throws RangeError for anything else. */
  static fromPlain(plain: readonly number[]): Histogram {
    const [count, sum, min, max] = plain;
    const bins = plain.slice(PLAIN_HEAD);
    const wrong = (): RangeError => new RangeError('not a histogram');
    if (count === undefined || sum === undefined || min === undefined || max === undefined) throw wrong();
    if (bins.length % 2 !== 0 || plain.some((value) => !(value >= 0 && Number.isFinite(value)))) throw wrong();
    const histogram = new Histogram();
    let held = 0;
    for (let at = 0; at < bins.length; at += 2) {
      const bucket = bins[at] as number;
      if (!Number.isInteger(bucket) || bucket >= BUCKETS) throw wrong();
      histogram.#buckets[bucket] = bins[at + 1] as number;
      held += bins[at + 1] as number;
    }
    if (held !== count) throw wrong();
    histogram.#count = count;
    histogram.#sum = sum;
    histogram.#min = count === 0 ? Number.POSITIVE_INFINITY : min;
    histogram.#max = max;
    return histogram;
  }

  /** The summary that goes into a result; the mean is rounded to whole ns. */
  toDuration(clock: Clock): Duration {
    return {
      clock,
      unit: 'ns',
      count: this.#count,
      p50: this.percentile(50),
      p99: this.percentile(99),
      max: this.#max,
      mean: Math.round(this.mean),
      ...(this.#count > 0 && { distribution: this.distribution() }),
    };
  }

  /** Counts in quarters of powers of two, without empty ones. */
  private distribution(): { below: number[]; counts: number[] } {
    const counts = new Map<number, number>();
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const held = this.#buckets[bucket] as number;
      if (held === 0) continue;
      const bound = quarterAbove(middleOf(bucket));
      counts.set(bound, (counts.get(bound) ?? 0) + held);
    }
    return { below: [...counts.keys()], counts: [...counts.values()] };
  }
}
