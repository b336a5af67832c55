import { callCount, type RunResult, renderRun } from '@kmemlab/results';
import { describe, expect, it, test } from 'vitest';
import { run } from './run.js';

const find = (kernel: string, config = 'slub', params = {}): Promise<RunResult> =>
  run({
    experiment: 'find-timing',
    kernel,
    config,
    nodes: 2,
    cpusPerNode: 2,
    params: { files: '20', repeats: '3', ...params },
  });

/** What an entry takes in a phase. */
function perEntry({ phases, find: timed }: RunResult, name: string) {
  const phase = phases[name];
  if (phase === undefined || timed === undefined) throw new Error(`there is no phase ${name}`);
  const { entries } = timed;
  return {
    allocations: callCount(phase, 'accounted_allocations') / entries,
    messages: (phase.messages.sameNode + phase.messages.crossNode) / entries,
    across: phase.messages.crossNode / entries,
    local: callCount(phase, 'percpu_ref_local') / entries,
    shared: callCount(phase, 'percpu_ref_shared') / entries,
  };
}

describe.each(['slab', 'slub'])('a lookup with %s', (config) => {
  it('costs the same messages before and after the rework, none across nodes, and one reference taken and put', async () => {
    const kernels = ['v5.2', 'v5.3', 'v5.2+percpu-ref-lifecycle-v4'];
    const results = await Promise.all(kernels.map((kernel) => find(kernel, config, { outlive: 'no' })));
    const [before, ...after] = results.map((result) => perEntry(result, 'find'));
    for (const entry of after) {
      expect(entry.messages).toBe(before?.messages);
      expect(entry.allocations).toBeCloseTo(2, 1);
      expect(entry.across).toBeLessThan(0.2);
      expect(entry.local).toBeGreaterThanOrEqual(4);
      expect(entry.local).toBeLessThan(5);
      expect(entry.shared).toBe(0);
    }
  });

  it('costs more in v5.9: each object has an owner', async () => {
    const [older, newer] = await Promise.all(['v5.3', 'v5.9'].map((kernel) => find(kernel, config)));
    if (older === undefined || newer === undefined) throw new Error('a run is missing');
    expect(perEntry(newer, 'find').local).toBeGreaterThan(perEntry(older, 'find').local + 1.5);
    expect(perEntry(newer, 'find').messages).toBeGreaterThan(perEntry(older, 'find').messages + 2);
    // One put for each object on a shared word, once the memcg is gone; before, for each slab.
    expect(perEntry(newer, 'drop-outlived').shared).toBeGreaterThanOrEqual(2);
    expect(perEntry(older, 'drop-outlived').shared).toBeLessThan(0.5);
  });
});

test('nobody pays for a task in the root cgroup', async () => {
  expect(perEntry(await find('v5.3', 'slub', { accounted: 'no' }), 'find')).toMatchObject({ allocations: 0, local: 0 });
});

test('a run prints the published timings with what can be said of them', async () => {
  const text = renderRun(await find('v5.3'), { width: 110, color: false, unicode: true });
  expect(text).toMatch(/real +0\.6469 +0\.6832 +\+5\.6 % +\+2\.1 +16/);
  expect(text).toContain('no conclusion either way');
});
