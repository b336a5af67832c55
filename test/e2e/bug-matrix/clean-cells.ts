import { bugMatrix } from '@kmemlab/experiments';
import { expect, test } from 'vitest';

/** For each case that is searched; the full matrix has more (docs/bug-matrix.md). */
const SCHEDULES = 300;
const HOUR = 3_600_000;

/**
 * What must not be found in these columns is not found. A spec file has some columns on one thread, so that the files together keep all
 * cores busy.
 * @param cells that are searched or run, at least
 */
export function cleanCells(variants: readonly string[], cells: number): void {
  test(
    `what must not be found in ${variants.join(', ')} is not found in ${SCHEDULES} schedules`,
    async () => {
      const result = await bugMatrix({ schedules: SCHEDULES, expect: 'clean', variants }, { jobs: 1 });
      expect(result.cells.length).toBeGreaterThanOrEqual(cells);
      const wrong = result.cells.filter(({ asExpected }) => !asExpected);
      expect(wrong.map(({ bug, kernel, cases }) => ({ bug, kernel, cases }))).toEqual([]);
    },
    HOUR,
  );
}
