import { lineChart } from '../chart/line.js';
import type { Point } from '../chart/types.js';
import type { KernelRuns } from '../kernel-runs.js';
import type { Sample } from '../schema.js';
import { mean } from '../welch.js';
import type { NamedChart } from './types.js';

/** Samples that lie at each generation, of all seeds. */
function byGeneration({ runs }: KernelRuns): Map<number, Sample[]> {
  const samples = new Map<number, Sample[]>();
  for (const sample of runs.flatMap(({ series = [] }) => series)) {
    if (sample.phase !== 'generations') continue;
    samples.set(sample.generation, [...(samples.get(sample.generation) ?? []), sample]);
  }
  return samples;
}

function pointsOf(group: KernelRuns): Point[] {
  return [...byGeneration(group)].map(([x, samples]) => {
    const dying = samples.map((sample) => sample.dying);
    return { x, y: mean(dying), low: Math.min(...dying), high: Math.max(...dying) };
  });
}

/** Dying memcgs against generations, a line for each kernel; undefined if nothing of that kind was sampled. */
export function dyingByGeneration(groups: readonly KernelRuns[]): NamedChart | undefined {
  const series = groups
    .map((group) => ({ name: group.kernel, points: pointsOf(group) }))
    .filter(({ points }) => points.length > 0);
  if (series.length === 0) return undefined;
  const title = 'Dying memcgs by generation';
  const caption =
    'How many removed memcgs still exist after so many have come and gone, one line per kernel. A line that keeps rising is memory that does not come back as long as the files stay.';
  const axes = { x: { label: 'generations' }, y: { label: 'dying memcgs' } };
  return { name: 'generations', title, caption, svg: lineChart({ title, description: caption, ...axes, series }) };
}
