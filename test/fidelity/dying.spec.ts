import type { Sample } from '@kmemlab/results';
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

/*
 * Removed memcgs with live files, on 4 CPUs, as measured: 5.2 keeps all until the files are gone (SLUB: within 1 s of unlink,
 * SLAB: when cache_reap has emptied the arrays of busy CPUs), 5.3 and 5.9 none after 1 s. 3.14.1 keeps all, too; with SLAB they
 * are gone within 30 s of unlink, with SLUB they stay for ever.
 */

const MEMCGS = 10;

describe.each([
  { kernel: 'v5.2', config: 'slub,cgroup2', dying: { generations: MEMCGS, unlink: 0, settle: 0, drop: 0 } },
  { kernel: 'v5.2', config: 'slab,cgroup2', dying: { generations: MEMCGS, unlink: MEMCGS, settle: 0, drop: 0 } },
  { kernel: 'v5.3', config: 'slub,cgroup2', dying: { generations: 0, unlink: 0, settle: 0, drop: 0 } },
  { kernel: 'v5.3', config: 'slab,cgroup2', dying: { generations: 0, unlink: 0, settle: 0, drop: 0 } },
  { kernel: 'v5.9', config: 'slub,cgroup2', dying: { generations: 0, unlink: 0, settle: 0, drop: 0 } },
  { kernel: 'v5.9', config: 'slab,cgroup2', dying: { generations: 0, unlink: 0, settle: 0, drop: 0 } },
  { kernel: 'v3.14', config: 'slab', dying: { generations: MEMCGS, unlink: MEMCGS, settle: 0, drop: 0 } },
  { kernel: 'v3.14', config: 'slub', dying: { generations: MEMCGS, unlink: MEMCGS, settle: MEMCGS, drop: MEMCGS } },
])('$kernel, $config', ({ kernel, config, dying }) => {
  it('keeps memcgs as long as the real kernel', async () => {
    const params = { generations: String(MEMCGS) };
    const request = { experiment: 'zombies', kernel, config, nodes: 1, cpusPerNode: 4, params };
    const { outcome, series = [] } = await run(request);
    expect(outcome).toBe('ok');
    const last = new Map(series.map((sample: Sample) => [sample.phase, sample.dying]));
    expect(Object.fromEntries(last)).toEqual(dying);
  });
});

describe('memcgs that are on their way when the run ends', () => {
  const leftBy = (params: Record<string, string>) =>
    run({ experiment: 'empty-cache', nodes: 1, cpusPerNode: 2, params: { memcgs: '2', observe: '0', ...params } });

  it('are found like those that something holds, and are pending until they are offline', async () => {
    const { findings, counters } = await leftBy({ freeAfter: '0' });
    expect(counters.memcg.dying).toBe(2);
    expect(findings).toContainEqual({ class: 'zombie-memcg', count: 2, pinnedBy: { offlinePending: 2 } });
  });

  it.each([1000, 10_000, 20_000, 30_000, 40_000])('are as many as are dying, %i µs after rmdir', async (us) => {
    const { findings, counters } = await leftBy({ freeAfter: String(us) });
    const found = findings.find((finding) => finding.class === 'zombie-memcg')?.count ?? 0;
    expect(found).toBe(counters.memcg.dying);
  });
});
