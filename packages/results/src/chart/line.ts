import { pointChart } from './points.js';
import type { PointChart } from './types.js';

/**
 * A line chart as SVG text: each series a line with markers, references as single marks. The same chart gives the same text.
 * @throws ChartError if a number is not finite, or not positive on a logarithmic axis
 */
export const lineChart = (chart: PointChart): string => pointChart(chart, true);
