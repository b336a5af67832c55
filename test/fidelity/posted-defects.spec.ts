import { type CheckRequest, check, resolveCheck } from '@kmemlab/experiments';
import { KMEM_WQ_LOCKED } from '@kmemlab/kernel';
import type { RunResult } from '@kmemlab/results';
import { describe, expect, it } from 'vitest';
import { run } from './run.js';

const POSTED = 'v5.2+percpu-ref-lifecycle-v4';
const MERGED = 'v5.3';

const runDefect = (defect: string, kernel: string, config = 'slub', params = {}): Promise<RunResult> =>
  run({
    experiment: 'posted-defects',
    kernel,
    config,
    nodes: 1,
    cpusPerNode: 2,
    params: { defect, ...params },
  });

/** The verdict as `class id`, or what the run came to. */
const verdictOf = ({ outcome, verdicts: [verdict] }: RunResult): string =>
  verdict === undefined ? outcome : `${verdict.class} ${verdict.id}`;

/** What the posted form breaks whenever a release takes its lock: only if nothing worse comes of it. */
const UNSAFE_LOCK = 'invariant-broken REF-6';

describe.each([
  ['a', 'slab,preempt', ['stall RCU-9', 'ok', 'ok']],
  ['a', 'slab,preemptcount', ['invariant-broken MTX-3', 'ok', 'ok']],
  ['a', 'slab', ['ok', 'ok', 'ok']],
  ['b', 'slab', ['leak leak', 'leak leak', 'ok']],
  ['b', 'slub', ['leak leak', 'leak leak', 'ok']],
  ['c', 'slab', ['deadlock deadlock', 'ok', 'ok']],
  ['c', 'slub', ['deadlock deadlock', 'ok', 'ok']],
  ['d', 'slab', ['use-after-free V5p-d', 'ok', 'ok']],
  ['d', 'slub', [UNSAFE_LOCK, 'ok', 'ok']],
  ['e', 'slab', ['use-after-free V5p-e', 'use-after-free V5p-e', 'ok']],
  ['e', 'slub', ['use-after-free V5p-e', 'use-after-free V5p-e', 'ok']],
  ['f', 'slab', ['leak V4-d', 'leak V4-d', 'invariant-broken V4-d']],
  ['f', 'slub', ['leak V4-d', 'leak V4-d', 'invariant-broken V4-d']],
  ['h', 'slub', [UNSAFE_LOCK, 'ok', 'ok']],
])('V5p-%s with %s', (defect, config, verdicts) => {
  it.each([POSTED, MERGED, 'v5.2'].map((kernel, n) => [kernel, verdicts[n]]))(
    'ends on %s in: %s',
    async (kernel = '', verdict) => {
      expect(verdictOf(await runDefect(defect, kernel, config))).toBe(verdict);
    },
  );
});

it('V5p-a names the task that never left its read section', async () => {
  const { verdicts } = await runDefect('a', POSTED, 'slab,preempt');
  expect(verdicts[0]?.detail).toMatch(/waits for the reader script on CPU1, which left the kernel in a read section/);
});

it('V5p-g leaves the root with less than nothing charged to it; the merged form does not', async () => {
  const negative = async (kernel: string): Promise<number> =>
    (await runDefect('g', kernel)).findings.find((finding) => finding.class === 'negative-counter')?.count ?? 0;
  expect(await negative(POSTED)).toBeGreaterThan(0);
  expect(await negative(MERGED)).toBe(0);
});

it('V5p-d has a second form in a preemptible kernel: the shutdown is lost', async () => {
  const { verdicts } = await runDefect('d', `${POSTED}:lookup=unlock`, 'slub,preempt');
  expect(verdicts[0]).toMatchObject({ class: 'invariant-broken', id: 'V5p-d' });
});

it('tryget=live changes no verdict', async () => {
  for (const defect of ['b', 'e', 'f']) {
    const [plain, live] = await Promise.all(
      ['', ':tryget=live'].map((option) => runDefect(defect, `${POSTED}${option}`, 'slub')),
    );
    expect(live && verdictOf(live)).toBe(plain && verdictOf(plain));
  }
});

it('V5p-e needs a cache that is not RCU-typed: the release of the others waits for the switch', async () => {
  const kinds = ['plain', 'rcu'].map((type) =>
    run({
      experiment: 'root-destruction',
      kernel: POSTED,
      config: 'slub',
      nodes: 1,
      cpusPerNode: 2,
      params: { type, when: 'removing', gap: '20000' },
    }),
  );
  const [plain, rcu] = await Promise.all(kinds);
  expect(plain && verdictOf(plain)).toBe('use-after-free V5p-e');
  expect(rcu && verdictOf(rcu)).not.toBe('use-after-free V5p-e');
});

const request = (params: Record<string, string>, kernel: string): CheckRequest => ({
  run: { experiment: 'posted-defects', kernel, config: 'slub', nodes: 1, cpusPerNode: 2, params },
  schedules: 300,
  windows: [KMEM_WQ_LOCKED],
});

it('V5p-c is found by a search, without a stretched window', async () => {
  const { result } = await check(await resolveCheck(request({ defect: 'c' }, POSTED)));
  expect(result).toMatchObject({ outcome: 'violation', verdict: { class: 'deadlock' } });
  expect(result.verdict?.detail).toMatch(
    /^softirq on CPU(\d) \(over script\) spins for memcg_kmem_wq_lock, held by what it interrupted: script on CPU\1$/,
  );
});
