import { groupByKernel } from '../kernel-runs.js';
import type { RunResult } from '../schema.js';
import { dyingByGeneration } from './generations.js';
import { ipiMap, nodePairs } from './ipi-charts.js';
import { messageCharts } from './message-charts.js';
import { timeCharts } from './time-charts.js';
import { timelineCharts } from './timeline-charts.js';
import type { NamedChart } from './types.js';

/** The pictures that these runs have something to show in; several kernels stand side by side in each. */
export function chartsOf(results: readonly RunResult[]): NamedChart[] {
  const groups = groupByKernel(results);
  if (groups.length === 0) return [];
  const charts = [
    ipiMap(groups),
    dyingByGeneration(groups),
    ...timeCharts(groups),
    ...timelineCharts(groups),
    ...messageCharts(groups),
    nodePairs(groups),
  ];
  return charts.filter((chart) => chart !== undefined);
}
