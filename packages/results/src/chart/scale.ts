import type { Axis, ScaleKind } from './types.js';

type ScaleOptions = Pick<Axis, 'scale' | 'whole'>;

/** Maps values of an axis to coordinates. */
export interface Scale {
  readonly kind: ScaleKind;
  /** Ends of the axis: the first and the last tick, or beyond them on a logarithmic axis. */
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  /** Coordinate of a value. */
  at(value: number): number;
}

const MOST_TICKS = 9;
/** Values closer together than this share of their size are taken for one. */
const RESOLUTION = 1e-9;
/** Sizes below it are taken for 0: steps that small cannot be inverted. */
const TINY = 1e-100;

/** The step of 1, 2 or 5 times a power of ten that divides `span` into at most `most` parts. */
function niceStep(span: number, most: number): number {
  const rough = span / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - RESOLUTION)) ?? 10;
  return factor * power;
}

/** A multiple of a step without the error of the multiplication: steps below 1 are divided by their inverse. */
const multiple = (n: number, step: number): number => (step >= 1 ? n * step : n / Math.round(1 / step)) + 0;

function spread(low: number, high: number): [number, number] {
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > Math.max(size * RESOLUTION, TINY)) return [low, high];
  return size < TINY ? [0, 1] : [low - size / 2, high + size / 2];
}

function linearTicks(low: number, high: number, least: number): number[] {
  const step = Math.max(niceStep(high - low, MOST_TICKS - 2), least);
  const first = Math.floor(low / step + RESOLUTION);
  const last = Math.ceil(high / step - RESOLUTION);
  return Array.from({ length: last - first + 1 }, (_, n) => multiple(first + n, step));
}

/** Powers of the base; every second, third, … one if there are many. */
function powers(base: number, low: number, high: number): number[] {
  const every = Math.max(1, Math.ceil((high - low) / (MOST_TICKS + 3)));
  return Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, n) => base ** (low + n * every));
}

function logTicks(base: 2 | 10, low: number, high: number): number[] {
  const decades = powers(base, low, high);
  if (base === 2 || high - low > 2) return decades;
  return decades.flatMap((decade, n) => (n === decades.length - 1 ? [decade] : [decade, 2 * decade, 5 * decade]));
}

/** The exponents of the powers of the base around a range; exact where the ends are powers. */
function exponents(base: 2 | 10, low: number, high: number): [number, number] {
  const log = base === 2 ? Math.log2 : Math.log10;
  const first = Math.floor(log(low) + RESOLUTION);
  const last = Math.ceil(log(high) - RESOLUTION);
  return [first, last > first ? last : first + 1];
}

/**
 * A scale over `values` whose ends are round numbers. Its coordinates run from `from` to `to`. Values of a logarithmic
 * scale must be positive; `values` must not be empty.
 */
export function scaleFor(
  { scale: kind = 'linear', whole }: ScaleOptions,
  values: readonly number[],
  from: number,
  to: number,
): Scale {
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  if (kind === 'linear') {
    const ticks = linearTicks(...spread(least, most), whole === true ? 1 : 0);
    const domain = [ticks[0] as number, ticks[ticks.length - 1] as number] as const;
    const at = (value: number): number => from + ((value - domain[0]) / (domain[1] - domain[0])) * (to - from);
    return { kind, domain, ticks, at };
  }
  const base = kind === 'log2' ? 2 : 10;
  const log = kind === 'log2' ? Math.log2 : Math.log10;
  const [first, last] = exponents(base, least, most);
  const domain = [base ** first, base ** last] as const;
  const at = (value: number): number => from + ((log(value) - first) / (last - first)) * (to - from);
  return { kind, domain, ticks: logTicks(base, first, last), at };
}
