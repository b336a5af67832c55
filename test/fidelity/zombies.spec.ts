import { describe, expect, it } from 'vitest';
import { run } from './run.js';

/* E2b, zombies: spec/experiments.md. On 4.10 every memcg stays, with all its caches, while one object of it lives. */

const GENERATIONS = 30;

const generations = (params: Record<string, string> = {}) =>
  run({
    experiment: 'zombies',
    nodes: 1,
    cpusPerNode: 4,
    params: { generations: String(GENERATIONS), ...params },
  });

describe('zombies on 4.10', () => {
  it('grow by one with each generation while files live, and go when the files have gone and cache_reap has come', async () => {
    const { series = [], counters, outcome, verdicts, phases } = await generations();
    expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    const made = series.filter(({ phase }) => phase === 'generations');
    expect(made.map(({ dying }) => dying)).toEqual(made.map(({ generation }) => generation));
    expect(made.map(({ caches }) => caches)).toEqual(made.map(({ generation }) => 33 + 2 * generation));
    expect(counters.memcg).toEqual({ created: GENERATIONS, dying: GENERATIONS, freed: 0 });
    expect(counters.caches.dead).toBe(2 * GENERATIONS);
    expect(phases.unlink?.memcg.dying).toBe(GENERATIONS);
    expect(phases.settle?.memcg.dying).toBeLessThanOrEqual(4);
  });

  it('are kept by one file as by ten', async () => {
    const { counters } = await generations({ sharedFraction: '0.1' });
    expect(counters.memcg.dying).toBe(GENERATIONS);
  });

  it('are on cgroup v2 what cgroup.stat says', async () => {
    const { counters, outcome } = await run({
      experiment: 'zombies',
      config: 'slab,cgroup2',
      nodes: 1,
      cpusPerNode: 2,
      params: { generations: '5' },
    });
    expect(outcome).toBe('ok');
    expect(counters.memcg).toMatchObject({ created: 5, dying: 5 });
  });
});
