import { invariants } from '@kmemlab/checker';
import { LOADED_CPU_CACHE, type Patch, patches, type Stretch } from '@kmemlab/kernel';
import { describe, expect, test } from 'vitest';
import { CheckedMachine, type CheckedOptions } from './checked-machine.js';
import { lonelyWorkout, tuneForSeconds, workout } from './workout.js';

const MS = 1e6;
const mutations = patches.filter(({ mutation }) => mutation);

/** One dentry's kmem_cache_free on this CPU stays between loading cpu_cache and its store until the pointer has changed. */
const stretchOn = (cpu: number): Stretch => ({
  label: LOADED_CPU_CACHE,
  cpu,
  cache: 'dentry',
  maxNs: 40 * MS,
  tailNs: MS / 2,
  holdNs: MS / 2,
  times: 1,
});

interface Scenario extends Partial<CheckedOptions> {
  readonly run?: (checked: CheckedMachine, cpuCount: number) => void;
}

/** Where a mutation needs more than the workout on two nodes of two CPUs. */
const scenarios: Readonly<Record<string, Scenario>> = {
  'kick-self': { nodes: 1, cpusPerNode: 1 },
  'forget-last-cpu': { stretches: [stretchOn(3)] },
  'run-item-twice': { run: lonelyWorkout },
  'trylock-waits': { nodes: 1, cpusPerNode: 2, run: tuneForSeconds },
};

function verdictOf(patch: Patch, scenario: Scenario): CheckedMachine['verdict'] {
  const { run = workout, ...options } = scenario;
  const checked = new CheckedMachine({ nodes: 2, cpusPerNode: 2, patches: [patch], ...options });
  run(checked, (options.nodes ?? 2) * (options.cpusPerNode ?? 2));
  return checked.verdict;
}

describe('every invariant', () => {
  test.each(invariants)('$id is broken by some mutation', ({ id }) => {
    expect(mutations.some(({ breaks }) => breaks === id)).toBe(true);
  });

  test('is one that the checker knows, if a mutation names it', () => {
    const ids = invariants.map(({ id }) => id);
    for (const { breaks } of mutations) expect(ids).toContain(breaks);
  });
});

describe('the checker catches', () => {
  test.each(mutations)('$name as $breaks', (mutation) => {
    const verdict = verdictOf(mutation, scenarios[mutation.name] ?? {});
    expect(verdict).toMatchObject({ id: mutation.breaks });
    expect(verdict?.steps.length).toBeGreaterThan(0);
  });
});

test('a CPU that comes back to an array freed under it is a use after free', () => {
  const neverKick = mutations.find(({ name }) => name === 'never-kick') as Patch;
  const verdict = verdictOf(neverKick, { stretches: [stretchOn(1)], run: tuneForSeconds });
  expect(verdict).toMatchObject({ class: 'use-after-free', id: 'SLAB-4' });
  expect(verdict?.steps).toHaveLength(2);
});

test('the same window is harmless if the kernel kicks', () => {
  const checked = new CheckedMachine({ nodes: 2, cpusPerNode: 2, stretches: [stretchOn(1)] });
  tuneForSeconds(checked);
  expect(checked.verdict).toBeUndefined();
});
