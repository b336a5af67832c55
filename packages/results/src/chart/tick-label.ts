import { formatCount } from '../text/format.js';

const TIMES = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
] as const;

/** A round number as short as it goes: `0.25`, `1,024`. */
function short(value: number): string {
  const rounded = Number(value.toPrecision(6));
  return Number.isInteger(rounded) && Math.abs(rounded) < 1e15 ? formatCount(rounded) : String(rounded);
}

/** A tick's value: `2 µs`, `500 ns` for times in ns, `4,096` for anything else. */
export function tickLabel(value: number, unit: string | undefined): string {
  if (unit !== 'ns' || value === 0) return short(value);
  const size = Math.abs(value) * (1 + 1e-9);
  const [ns, name] = TIMES.find(([least]) => size >= least) ?? [1, 'ns'];
  return `${short(value / ns)} ${name}`;
}
