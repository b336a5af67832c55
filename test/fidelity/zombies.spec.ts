import { resolveScenario, runScenario } from '@kmemlab/experiments';
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

  it.each(['0', '20', '3000'])(
    'are watched for a second after the last rmdir, whatever the pause: %s ms',
    async (pause) => {
      const ends = new Map<string | undefined, number>();
      const params = { generations: '1', pause };
      const request = { experiment: 'zombies', engine: 'sim', nodes: 1, cpusPerNode: 4, params } as const;
      await runScenario(await resolveScenario(request), {
        onPartial: ({ phases, elapsed }) => ends.set(Object.keys(phases).at(-1), elapsed.modelNs),
      });
      const window = (ends.get('generations') ?? 0) - (ends.get('boot') ?? 0);
      expect(window).toBeGreaterThan(1e9);
      expect(window).toBeLessThan(1.01e9);
    },
  );

  it.each(['v5.3', 'v5.9'])('are kept by data of files even on %s, until these are unlinked', async (kernel) => {
    const params = { generations: '30', bytes: '64' };
    const { counters, phases } = await run({ experiment: 'zombies', kernel, nodes: 1, cpusPerNode: 4, params });
    expect([counters.memcg.dying, phases.unlink?.memcg.dying]).toEqual([30, 0]);
  });

  /* oracle/dying.csv: 100 memcgs that exist at the same time are removed back to back. */
  it.each([
    ['v5.2', 'slab', { atOnce: 100, aSecondLater: 100, afterUnlink: 100, afterAWhile: 100 }],
    ['v5.2', 'slub', { atOnce: 100, aSecondLater: 100, afterUnlink: 0, afterAWhile: 0 }],
    ['v5.3', 'slab', { atOnce: 100, aSecondLater: 0, afterUnlink: 0, afterAWhile: 0 }],
    ['v5.3', 'slub', { atOnce: 100, aSecondLater: 0, afterUnlink: 0, afterAWhile: 0 }],
  ])('are removed together, on an idle machine: %s %s', async (kernel, allocator, expected) => {
    const params = { rmdir: 'last', pause: '0', idle: 'yes' };
    const config = `${allocator},cgroup2`;
    const { series = [], phases } = await run({
      experiment: 'zombies',
      kernel,
      config,
      nodes: 1,
      cpusPerNode: 4,
      params,
    });
    const [atOnce, aSecondLater] = series.filter(({ phase }) => phase === 'generations').slice(-2);
    expect({
      atOnce: atOnce?.dying,
      aSecondLater: aSecondLater?.dying,
      afterUnlink: phases.unlink?.memcg.dying,
      afterAWhile: series.find(({ phase }) => phase === 'settle')?.dying,
    }).toEqual(expected);
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

describe.each(['v5.3', 'v5.9'])('%s: the page of an open pipe', (kernel) => {
  it.each(['slab', 'slub'])('keeps its memcg with %s, until the pipe is closed', async (config) => {
    const params = { generations: '5', files: '2', pipe: 'yes' };
    const { series = [] } = await run({ experiment: 'zombies', kernel, config, nodes: 1, cpusPerNode: 2, params });
    const dying = (phase: string): number | undefined => series.findLast((sample) => sample.phase === phase)?.dying;
    expect({ open: dying('generations'), closed: dying('unlink') }).toEqual({ open: 5, closed: 0 });
  });
});

describe('directories in sysfs for the caches of 5 removed memcgs (SLUB)', () => {
  it.each([
    // In v4.10 and v4.12 the last memcg is in stock and stays, with its caches.
    ['v4.10', 'slub', 10, 2],
    ['v4.12', 'slub', 0, 0],
    ['v4.12', 'slub,slub_memcg_sysfs', 10, 2],
    ['v4.10+optional-memcg-sysfs', 'slub,slub_memcg_sysfs', 10, 2],
    // The caches for filp, in v5.2 and later, are empty and lose their directories early.
    ['v5.2', 'slub,slub_memcg_sysfs', 10, 0],
    ['v5.3', 'slub', 0, 0],
    // The caches that the parent has adopted have kept theirs.
    ['v5.3', 'slub,slub_memcg_sysfs', 10, 0],
  ])('%s, %s: %i, and %i once the files are gone', async (kernel, config, used, unused) => {
    const params = { generations: '5', files: '2' };
    const result = await run({ experiment: 'zombies', kernel, config, nodes: 1, cpusPerNode: 2, params });
    expect({ outcome: result.outcome, verdicts: result.verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
    const directories = (name: string) => result.series?.findLast(({ phase }) => phase === name)?.directories;
    expect({ used: directories('generations'), unused: directories('drop') }).toEqual({ used, unused });
  });

  it.each([
    ['v4.12', 'slab,slub_memcg_sysfs', /is an option of SLUB; give slub/],
    ['v4.10', 'slub,slub_memcg_sysfs', /v4\.10 has no slub_memcg_sysfs/],
    ['v5.9', 'slub,slub_memcg_sysfs', /v5\.9 has no slub_memcg_sysfs/],
  ])('%s with %s is refused', async (kernel, config, message) => {
    await expect(run({ experiment: 'zombies', kernel, config })).rejects.toThrow(message);
  });
});
