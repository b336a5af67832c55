import { bugMatrix } from '@kmemlab/experiments';
import { expect, test } from 'vitest';

/** A sample: the whole matrix has more (docs/bug-matrix.md). */
const SCHEDULES = 10;
const MINUTES = 60_000;

test(
  'what must not be found is not found',
  async () => {
    const { cells } = await bugMatrix({ schedules: SCHEDULES, expect: 'clean' });
    expect(cells.length).toBeGreaterThan(100);
    const wrong = cells.filter(({ asExpected }) => !asExpected);
    expect(wrong.map(({ bug, kernel, cases }) => ({ bug, kernel, cases }))).toEqual([]);
  },
  10 * MINUTES,
);
