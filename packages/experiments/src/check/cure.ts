import { replay } from '@kmemlab/machine-sim';
import type { Verdict } from '@kmemlab/results';
import { bugColumns } from '../bugs/columns.js';
import { kernelWithout } from '../bugs/cures.js';
import type { BugCase, BugColumn } from '../bugs/types.js';
import { replayName } from './bug-matrix.js';
import { type ReplayFile, scenarioOf } from './replay-file.js';
import { Subject } from './subject.js';
import { prepare, trySchedules } from './try-schedules.js';

/** A case of the bug matrix by the name of its replay file, with the kernel that must not show it. */
export interface CuredCase {
  readonly bug: string;
  readonly column: BugColumn;
  readonly one: BugCase;
  readonly cure: string | undefined;
}

/** Cases that are to be found by a search, by the names of their replay files. */
export function casesByReplay(): ReadonlyMap<string, CuredCase> {
  const cases = new Map<string, CuredCase>();
  for (const column of bugColumns) {
    for (const [bug, own] of Object.entries(column.cases)) {
      for (const [index, one] of own.entries()) {
        if (one.expect !== 'found' || one.finding !== undefined) continue;
        cases.set(replayName(column, bug, index), { bug, column, one, cure: kernelWithout(column, bug, one) });
      }
    }
  }
  return cases;
}

/**
 * Try a replay file's scenario in the kernel that cures it: with the same stalls, which are at other moments there, then with
 * some schedules that are aimed as those were that showed the bug.
 * @returns the verdict, if the cure is none
 */
export async function tryCure(
  file: ReplayFile,
  { one, cure }: CuredCase,
  schedules: number,
): Promise<Verdict | undefined> {
  const scenario = { ...scenarioOf(file), kernel: cure ?? file.scenario.kernel };
  const subject = await Subject.of(scenario);
  const same = ({ id, class: name }: Verdict): boolean => id === file.verdict.id && name === file.verdict.class;
  const { verdict } = await subject.trial(replay(file.stalls));
  if (verdict !== undefined && same(verdict)) return verdict;
  const aim = {
    only: file.verdict.id,
    ...(one.windows !== undefined && { windows: one.windows }),
    ...(one.from !== undefined && { from: one.from }),
  };
  const plan = { scenario, strategy: 'pct', depth: 3, schedules, anyVerdict: true, ...aim } as const;
  const part = { first: 0, count: schedules, given: [], expand: 0 };
  const { found } = await trySchedules(await prepare(plan), plan, part);
  return found?.verdict;
}
