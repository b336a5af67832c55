import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { run } from '../fidelity/run.js';
import { emptyDirectory, kmemlab } from './command.js';

const example = (name: string): string => fileURLToPath(new URL(`../../docs/examples/${name}.mjs`, import.meta.url));

interface Found {
  readonly class: string;
  readonly id: string;
  readonly owner?: string;
  readonly detail: string;
  readonly steps: readonly { readonly cpu: number; readonly task: string; readonly stack: readonly string[] }[];
}

/** The verdict of a run that a patch of the docs stops, by the command. */
async function verdictOf(name: string, engine: string): Promise<Found> {
  const machine = ['--engine', engine, '--nodes', '2', '--cpus-per-node', '2'];
  const args = ['run', 'avoid-ipis', ...machine, '--patch', example(name), '--json'];
  const { status, stdout } = await kmemlab(args, emptyDirectory());
  expect(status).toBe(1);
  return JSON.parse(stdout).verdicts[0];
}

const CREATOR = 'kworker/u:memcg_kmem_cache_create';

describe.each(['sim', 'live'])('a patch that deadlocks, on the machine "%s"', (engine) => {
  test('two mutexes in opposite order: the cycle names both tasks and both locks', async () => {
    const { class: kind, id, owner, detail, steps } = await verdictOf('two-lock-orders', engine);
    expect({ kind, id }).toEqual({ kind: 'deadlock', id: 'MTX-4' });
    expect(detail).toMatch(
      /(.+) on CPU\d holds slab_mutex and waits for cgroup_mutex, held by (.+) on CPU\d, which waits for slab_mutex, held by \1 on CPU\d/,
    );
    expect(owner).toMatch(/holds cgroup_mutex/);
    expect(steps.map(({ task }) => task).sort()).toEqual([CREATOR, 'script']);
    for (const { stack } of steps) expect(stack).toContain('mutexLock');
  });

  test('calls with interrupts off: the cycle names both CPUs', async () => {
    const { class: kind, id, detail, steps } = await verdictOf('call-with-interrupts-off', engine);
    expect({ kind, id }).toEqual({ kind: 'deadlock', id: 'SMP-9' });
    expect(detail).toMatch(
      /waits for a call to be answered by .+ \(interrupts off\), which waits for a call to be answered by/,
    );
    expect(steps.map(({ task }) => task).sort()).toEqual([CREATOR, 'script']);
    expect(new Set(steps.map(({ cpu }) => cpu)).size).toBe(2);
    for (const { stack } of steps) expect(stack).toContain('kickWithInterruptsOff');
  });
});

/** The patch of the two lock orders, but each side tries again and again instead of waiting. */
const tryForEver = readFileSync(example('two-lock-orders'), 'utf8')
  .replace('mutexUnlock, kickAllCpusSync', 'mutexTrylock, mutexUnlock, kickAllCpusSync')
  .replaceAll(
    /yield\* call\(mutexLock, cpu, ('\w+')\)/g,
    'while (!(yield* call(mutexTrylock, cpu, $1))) yield* work(1000)',
  );

test('two tasks that try for each other’s mutex again and again are a livelock, not a stall', async () => {
  const patchFiles = [{ path: 'try.mjs', text: tryForEver }];
  const { outcome, verdicts } = await run({ experiment: 'avoid-ipis', nodes: 1, cpusPerNode: 4, patchFiles });
  expect(outcome).toBe('violation');
  expect(verdicts[0]).toMatchObject({ class: 'livelock', id: 'livelock' });
  const tasks = new Set(verdicts[0]?.steps.map(({ task }) => task));
  expect([...tasks].sort()).toEqual([CREATOR, 'script']);
});

test('a run that is slow and gets on is no livelock', async () => {
  const slow = `export default {
    name: 'slow', summary: 'each new cache takes a second of kernel code in small steps',
    apply({ policies }, { call, work, kickAllCpusSync }) {
      policies.slab.afterPublish = function* (cpu) {
        yield* call(kickAllCpusSync, cpu);
        if (cpu.published.slabFull) for (let n = 0; n < 50_000; n++) yield* work(20_000);
      };
    },
  };`;
  const request = { experiment: 'avoid-ipis', nodes: 1, cpusPerNode: 2, params: { loops: '10' } };
  const { outcome, elapsed } = await run({ ...request, patchFiles: [{ path: 'slow.mjs', text: slow }] });
  expect(outcome).toBe('ok');
  expect(elapsed.modelNs).toBeGreaterThan(21e9);
});

test.each([
  [3, '0'],
  [11, '3'],
])('a write that waits for many slow grace periods is no livelock: seed %i, %s children', async (seed, children) => {
  const machine = { nodes: 4, cpusPerNode: 2, strategy: 'random', seed } as const;
  const params = { writes: '2', irqOffCpu: '3', children };
  const { outcome, verdicts } = await run({ experiment: 'tune-slabinfo', kernel: 'v4.10', ...machine, params });
  expect({ outcome, verdicts }).toEqual({ outcome: 'ok', verdicts: [] });
});

test('a CPU that never reports a quiescent state is a stall that names the grace period and the CPU', async () => {
  const { verdicts } = await run({
    experiment: 'avoid-ipis',
    kernel: 'v4.10+withhold-quiescent-state',
    nodes: 2,
    cpusPerNode: 2,
    params: { loops: '3' },
  });
  expect(verdicts[0]).toMatchObject({ class: 'stall', id: 'RCU-10', owner: 'CPU3' });
  expect(verdicts[0]?.object).toMatch(/^grace period \d+$/);
  expect(verdicts[0]?.detail).toMatch(/^in progress for \d+ s; a quiescent state is owed by CPU3, in /);
  expect(verdicts[0]?.steps.map(({ task }) => task)).toContain('rcu_sched');
  expect(verdicts[0]?.steps.map(({ cpu }) => cpu)).toContain(3);
});

test('a reference that nobody puts is a leak that names the memcg and who removed it', async () => {
  const { verdicts } = await run({
    experiment: 'avoid-ipis',
    kernel: 'v4.10+leak-css-reference',
    nodes: 1,
    cpusPerNode: 4,
    params: { loops: '3' },
  });
  expect(verdicts[0]).toMatchObject({ class: 'leak', owner: expect.stringContaining('script on CPU') });
  expect(verdicts[0]?.steps[0]?.stack).toContain('cgroupRmdir');
});

test('an object that is nowhere is lost, and the verdict says who had it last', async () => {
  const { verdicts } = await run({
    experiment: 'avoid-ipis',
    kernel: 'v4.10+lose-drained-object',
    nodes: 1,
    cpusPerNode: 4,
    params: { loops: '40' },
  });
  expect(verdicts[0]).toMatchObject({ class: 'lost-object', id: 'SLAB-1', owner: expect.stringMatching(/CPU\d/) });
  expect(verdicts[0]?.object).toMatch(/^object [0-9a-f]+ of cache [0-9a-f]+$/);
});
