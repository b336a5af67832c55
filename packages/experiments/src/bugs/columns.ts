import { bugClasses } from './classes.js';
import type { BugCase, BugClass, BugColumn } from './types.js';
import { casesV0 } from './v0.js';
import { casesV1 } from './v1.js';
import { casesV1Gp, casesV1Ref } from './v1-prime.js';
import { casesV2 } from './v2.js';
import { casesV3 } from './v3.js';
import { casesV52, casesV412 } from './v4.js';
import { casesV5m } from './v5m.js';
import { casesV5p } from './v5p.js';
import { casesV6 } from './v6.js';

const given: readonly BugColumn[] = [
  { variant: 'V0', kernel: 'v3.14', cases: casesV0 },
  { variant: 'V1', kernel: 'v3.14+no-destroy-on-last-page', cases: casesV1 },
  { variant: 'V1’-ref', kernel: 'v3.14+pin-until-release', cases: casesV1Ref },
  { variant: 'V1’-gp', kernel: 'v3.14+destroy-after-grace-period', cases: casesV1Gp },
  { variant: 'V2', kernel: 'v3.14+reparent-2014', cases: casesV2 },
  { variant: 'V3', kernel: 'v4.10', cases: casesV3 },
  { variant: 'V4', kernel: 'v4.12', cases: casesV412 },
  { variant: 'V4', kernel: 'v5.2', cases: casesV52 },
  { variant: 'V5p', kernel: 'v5.2+percpu-ref-lifecycle-v4', cases: casesV5p },
  { variant: 'V5m', kernel: 'v5.3', cases: casesV5m },
  { variant: 'V6', kernel: 'v5.9', cases: casesV6 },
];

/** Every kernel with the kick, or the barrier, taken away. */
function mutated({ id }: BugClass, kernel: string): BugCase | undefined {
  const small = { expect: 'found', nodes: 1, cpusPerNode: 2 } as const;
  if (id === 'never-kick') {
    const patch = kernel.startsWith('v3.14') ? 'swap-without-waiting' : 'never-kick';
    return { ...small, kernel: `${kernel}+${patch}`, experiment: 'tune-slabinfo', verdict: 'SLAB-4' };
  }
  if (id !== 'no-barrier-at-root-destruction') return undefined;
  return {
    ...{ ...small, kernel: `${kernel}+${id}`, experiment: 'root-destruction', params: { type: 'rcu' } },
    ...{ verdict: 'SLAB-6', from: 'unload' },
  };
}

/** Half of the columns are patches on it, and it differs most from the others. */
const OLDEST = 'v3.14';

/** The case that shows a bug somewhere else, for 3.14 rather there; `alone` if it must be in a kernel without anything added. */
function shownElsewhere({ id }: BugClass, kernel: string, alone: boolean): BugCase | undefined {
  const same = given.filter((other) => other.kernel.startsWith(OLDEST) && kernel.startsWith(OLDEST));
  for (const { cases } of [...same, ...given]) {
    const shown = cases[id]?.find((one) => one.expect === 'found' && !(alone && one.kernel !== undefined));
    if (shown !== undefined) return shown;
  }
  return undefined;
}

/** 3.14 has no cgroup v2. */
const canRun = ({ config = '' }: BugCase, kernel: string): boolean =>
  !(kernel.startsWith('v3.14') && config.split(',').includes('cgroup2'));

/** Where a column has no case of a bug: the scenario that shows it elsewhere, in this kernel. */
function inheritedCases(bug: BugClass, { kernel }: BugColumn, at: number): BugCase[] {
  const expect = bug.expected[at];
  if (expect !== 'found' && expect !== 'clean') return [];
  const mutation = mutated(bug, kernel);
  const shown = mutation ?? shownElsewhere(bug, kernel, expect === 'found');
  if (shown === undefined || !canRun(shown, kernel)) return [];
  const { condition: _, curedBy: __, kernel: own, elsewhere, ...scenario } = shown;
  const verdict = expect === 'clean' ? elsewhere : undefined;
  return [
    { ...scenario, ...(mutation !== undefined && { kernel: own }), ...(verdict !== undefined && { verdict }), expect },
  ];
}

/** The columns of the bug matrix, oldest kernel first. */
export const bugColumns: readonly BugColumn[] = given.map((column, at) => ({
  ...column,
  cases: Object.fromEntries(
    bugClasses.map((bug) => [bug.id, column.cases[bug.id] ?? inheritedCases(bug, column, at)] as const),
  ),
}));
