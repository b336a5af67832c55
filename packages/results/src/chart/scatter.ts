import { pointChart } from './points.js';
import type { PointChart } from './types.js';

/**
 * A scatter chart as SVG text: the points of each series, not joined. The same chart gives the same text.
 * @throws ChartError if a number is not finite, or not positive on a logarithmic axis
 */
export const scatterChart = (chart: PointChart): string => pointChart(chart, false);
