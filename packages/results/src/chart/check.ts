import { type Axis, ChartError, type Value } from './types.js';

/** @throws ChartError if the axis cannot show the number */
export function checkNumber(series: string, place: string, value: number, { scale = 'linear' }: Axis): void {
  if (!Number.isFinite(value)) throw new ChartError(series, `${place} is ${value}; a chart needs finite numbers`);
  if (scale !== 'linear' && value <= 0)
    throw new ChartError(series, `${place} is ${value}; a logarithmic axis needs numbers above 0`);
}

/** @throws ChartError if the axis cannot show the value or its range, or the value is outside of its range */
export function checkValue(series: string, at: string, { y, low = y, high = y }: Value, axis: Axis): void {
  checkNumber(series, `y of ${at}`, y, axis);
  checkNumber(series, `low of ${at}`, low, axis);
  checkNumber(series, `high of ${at}`, high, axis);
  if (low > y || high < y) throw new ChartError(series, `y of ${at} is ${y}, outside of its range ${low} to ${high}`);
}

/** All numbers that an axis has to reach for these values. */
export const extentOf = (values: readonly Value[]): number[] =>
  values.flatMap(({ y, low = y, high = y }) => [y, low, high]);
