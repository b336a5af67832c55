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
