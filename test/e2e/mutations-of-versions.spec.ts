import { invariants } from '@kmemlab/checker';
import { mutationMatrix } from '@kmemlab/experiments';
import { patches, versions } from '@kmemlab/kernel';
import type { MatrixResult } from '@kmemlab/results';
import { beforeAll, describe, expect, test } from 'vitest';

const mutations = patches.filter(({ mutation }) => mutation);
const applyingTo = (version: string) => mutations.filter(({ appliesTo }) => appliesTo?.includes(version) ?? true);

/** Rules about what a version does not have; docs/invariants.md says what that is. */
const absent: Readonly<Record<string, readonly string[]>> = {
  'v3.14': ['SLUB-5', 'MEMCG-2', 'MEMCG-4', 'OBJ-1', 'OBJ-2', 'OBJ-3', 'OBJ-4', 'OBJ-5'],
  'v4.10': ['OBJ-1', 'OBJ-2', 'OBJ-3', 'OBJ-4', 'OBJ-5'],
  'v4.12': ['OBJ-1', 'OBJ-2', 'OBJ-3', 'OBJ-4', 'OBJ-5'],
  'v5.2': ['OBJ-1', 'OBJ-2', 'OBJ-3', 'OBJ-4', 'OBJ-5'],
  'v5.3': ['MEMCG-1', 'MEMCG-2', 'MEMCG-3', 'OBJ-1', 'OBJ-2', 'OBJ-3', 'OBJ-4', 'OBJ-5'],
  'v5.9': ['WQ-4', 'SLAB-8', 'SLUB-5', 'MEMCG-1', 'MEMCG-2', 'MEMCG-3'],
};

test.each(versions)('each invariant that $name has is broken by a mutation that applies to it', ({ name }) => {
  const broken = new Set(applyingTo(name).map(({ breaks }) => breaks));
  expect(invariants.map(({ id }) => id).filter((id) => !broken.has(id))).toEqual(absent[name]);
});

test('mutations apply to versions that there are', () => {
  const names = versions.map(({ name }) => name);
  for (const { name, appliesTo = names } of mutations)
    expect(names, name).toEqual(expect.arrayContaining([...appliesTo]));
});

/** A livelock is a million events, the same in all versions: mutations.spec.ts has it. */
const asked = mutations.map(({ name }) => name).filter((name) => name !== 'requeue-for-ever');
const searchedIn = (version: string) => applyingTo(version).filter(({ name, aimed }) => asked.includes(name) && !aimed);
/** In 4.12 forget-last-cpu takes the 19th schedule. */
const schedulesOf = (version: string): number => (version === 'v4.12' ? 20 : 8);

// mutations.spec.ts has those of v4.10, under more schedules.
describe.each(versions.filter(({ name }) => name !== 'v4.10'))(
  'the matrix of mutations of $name',
  ({ name: version }) => {
    const schedules = schedulesOf(version);
    let matrix: MatrixResult;
    beforeAll(async () => {
      matrix = await mutationMatrix({ version, schedules, only: asked });
    }, 600_000);

    const rowOf = (name: string | undefined) => matrix.rows.find(({ patch }) => patch === name);

    test.each(searchedIn(version).filter(({ silent }) => !silent))(
      'finds that $name breaks $breaks',
      ({ name, breaks }) => {
        expect(rowOf(name)).toMatchObject({ asExpected: true, breaks });
      },
    );

    test('finds nothing in the unbroken kernel, or where only what is not needed was taken away', () => {
      const silent = searchedIn(version).filter((patch) => patch.silent);
      for (const name of [undefined, ...silent.map((patch) => patch.name)]) {
        expect(rowOf(name)).toMatchObject({ asExpected: true, schedules: 5 * schedules });
      }
    });

    test('leaves out those that do not apply, or take a search aimed at them', () => {
      const rows = matrix.rows.map(({ patch }) => patch);
      expect(matrix.leftOut).toEqual(asked.filter((name) => !rows.includes(name)));
      expect(rows).toHaveLength(searchedIn(version).length + 1);
    });
  },
);
