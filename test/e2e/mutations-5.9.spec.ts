import { mutationMatrix } from '@kmemlab/experiments';
import { patches } from '@kmemlab/kernel';
import type { MatrixRow } from '@kmemlab/results';
import { beforeAll, describe, expect, test } from 'vitest';

/** Mutations of object-based accounting. */
const own = patches.filter(({ mutation, breaks }) => mutation && breaks?.startsWith('OBJ-'));

describe('the matrix of v5.9', () => {
  let rows: readonly MatrixRow[];
  beforeAll(async () => {
    ({ rows } = await mutationMatrix({ version: 'v5.9', schedules: 20, only: own.map(({ name }) => name) }));
  }, 600_000);

  test.each(own)('finds that $name breaks $breaks', ({ name, breaks }) => {
    expect(rows.find(({ patch }) => patch === name)).toMatchObject({ asExpected: true, breaks });
  });

  test('finds nothing in the unbroken kernel under the same schedules', () => {
    expect(rows.find(({ patch }) => patch === undefined)).toMatchObject({ asExpected: true, schedules: 5 * 20 });
  });
});
