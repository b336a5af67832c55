/** What there is to say of the difference between two samples. */
export interface Welch {
  readonly meanA: number;
  readonly meanB: number;
  /** meanB / meanA − 1. */
  readonly change: number;
  /** Difference of the means over its standard error; positive if B is larger. */
  readonly t: number;
  /** Degrees of freedom after Welch and Satterthwaite. */
  readonly df: number;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample: with n − 1. */
export function variance(values: readonly number[]): number {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
}

/** Welch's t for two unpaired samples of at least two values each; variances may differ. */
export function welch(a: readonly number[], b: readonly number[]): Welch {
  const [meanA, meanB] = [mean(a), mean(b)];
  const [errorA, errorB] = [variance(a) / a.length, variance(b) / b.length];
  const error = errorA + errorB;
  return {
    ...{ meanA, meanB, change: meanB / meanA - 1 },
    t: (meanB - meanA) / Math.sqrt(error),
    df: error ** 2 / (errorA ** 2 / (a.length - 1) + errorB ** 2 / (b.length - 1)),
  };
}
