import type { Finding, RunResult } from '@kmemlab/results';
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

const GENERATIONS = 6;

/** Memcgs come and go below one that stays; in the end all files, and with them all slabs, have gone. */
const below = (kernel: string, config = 'slub', params: Record<string, string> = {}): Promise<RunResult> =>
  run({
    ...{ experiment: 'zombies', kernel, config, nodes: 1, cpusPerNode: 2 },
    params: { parent: 'memcg', generations: String(GENERATIONS), ...params },
  });

const drift = ({ findings }: RunResult): Finding['pinnedBy'] =>
  findings.find(({ class: name }) => name === 'statistics-drift')?.pinnedBy ?? {};

describe('slab statistics of a memcg whose children have gone', () => {
  it.each(['slab', 'slub'])('are off in v5.3 by one page a child with %s, reclaimable only', async (config) => {
    const result = await below('v5.3', config);
    expect(result).toMatchObject({ outcome: 'ok', verdicts: [] });
    expect(drift(result)).toEqual({ reclaimable: GENERATIONS });
  });

  it('are off by as many pages as CPUs held back when the child went offline, and no more', async () => {
    const [ten, hundreds] = await Promise.all(['10', '200'].map((files) => below('v5.3', 'slub', { files })));
    expect(drift(ten as RunResult)).toEqual({ reclaimable: GENERATIONS });
    expect(drift(hundreds as RunResult)).toEqual({ reclaimable: 10 * GENERATIONS });
  });

  it('are off by as much if the first pages to be counted are on a later node', async () => {
    const nodes = { experiment: 'zombies', kernel: 'v5.3', nodes: 3, cpusPerNode: 1 };
    const result = await run({ ...nodes, params: { parent: 'memcg', generations: String(GENERATIONS), files: '2' } });
    expect(drift(result)).toEqual({ reclaimable: GENERATIONS });
  });

  it.each(['v4.10', 'v4.12', 'v5.2', 'v5.9'])('are right in %s', async (kernel) => {
    expect(drift(await below(kernel))).toEqual({});
  });

  it('come with the rework that was merged', async () => {
    expect(drift(await below('v5.2+percpu-ref-lifecycle'))).toEqual({ reclaimable: GENERATIONS });
  });

  it('are off on cgroup v2 as well, where no counter is below zero', async () => {
    const result = await below('v5.3', 'slub,cgroup2');
    expect(result.findings.map(({ class: name }) => name)).not.toContain('negative-counter');
    expect(drift(result)).toEqual({ reclaimable: GENERATIONS });
  });
});
