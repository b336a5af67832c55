/** Digits in groups of three. */
const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, ',');

/** `12,345`; a fraction keeps two decimals below 100 and three below 1. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const decimals = Number.isInteger(value) ? 0 : Math.abs(value) < 1 ? 3 : Math.abs(value) < 100 ? 2 : 0;
  const [whole = '', fraction] = Math.abs(value).toFixed(decimals).split('.');
  return `${value < 0 ? '-' : ''}${grouped(whole)}${fraction ? `.${fraction}` : ''}`;
}

/** A rate such as IPIs per loop: whole, or with three decimals as the mail gives it. */
export function formatRate(value: number): string {
  if (Number.isInteger(value)) return formatCount(value);
  const [whole = '', fraction = ''] = value.toFixed(3).split('.');
  return `${grouped(whole)}.${fraction}`;
}

/** `+12,345`, `-3`, `0`. */
export function formatDifference(value: number): string {
  return value > 0 ? `+${formatCount(value)}` : formatCount(value);
}

function threeDigits(value: number): string {
  return value >= 99.95 ? formatCount(Math.round(value)) : value.toFixed(value >= 9.995 ? 1 : 2);
}

/** A duration of `ns` nanoseconds with a fitting unit: `850 ns`, `12.3 µs`, `4.56 ms`, `7.89 s`. */
export function formatNs(ns: number, unicode = true): string {
  if (ns < 1000) return `${formatCount(Math.round(ns))} ns`;
  if (ns < 999_950) return `${threeDigits(ns / 1e3)} ${unicode ? 'µs' : 'us'}`;
  if (ns < 999_950_000) return `${threeDigits(ns / 1e6)} ms`;
  return `${threeDigits(ns / 1e9)} s`;
}

/** `512 B`, `12.3 KiB`, `4.50 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 'B';
  for (const next of units) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return unit === 'B' ? `${formatCount(value)} B` : `${threeDigits(value)} ${unit}`;
}

/** `1.00x`, `0.048x`; `-` without a ratio. */
export function formatRatio(ratio: number | undefined): string {
  if (ratio === undefined) return '-';
  return ratio === 0 ? '0x' : `${ratio < 0.1 ? ratio.toPrecision(2) : threeDigits(ratio)}x`;
}

/** The noun as it goes with `count`. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

/** `12,345 caches`, `1 cache`. */
export const counted = (count: number, noun: string): string => `${formatCount(count)} ${plural(count, noun)}`;
