import { verdictIds } from '@kmemlab/checker';
import { pointLabels } from '@kmemlab/kernel';
import { nearest, suggestion } from '@kmemlab/results';
import { InputError, type Scenario } from '../api.js';
import { bugClasses } from '../bugs/classes.js';
import { verdictsOfBug } from '../bugs/verdicts.js';
import { Subject } from './subject.js';
import { WITHOUT_STALLS } from './try-schedules.js';
import type { SearchPlan } from './types.js';

/** What a search is aimed at, and where somebody may be late. */
export type Aim = Pick<SearchPlan, 'only' | 'windows' | 'from'>;

/** @throws InputError if nothing has a name that the aim gives */
export async function checkAim(scenario: Scenario, { only, windows = [], from }: Aim): Promise<void> {
  if (only !== undefined) checkVerdict(only);
  for (const label of windows) checkLabel(label);
  if (from !== undefined) await checkPhase(scenario, from);
}

function checkVerdict(name: string): void {
  if (verdictIds.has(name)) return;
  const where = `--only ${JSON.stringify(name)}`;
  const bug = bugClasses.find(({ id }) => id === name);
  if (bug === undefined) {
    const near = nearest(name, [...verdictIds]);
    const mend = near === undefined ? 'see kmemlab list verdicts' : `did you mean ${near}?`;
    throw new InputError(`${where}: no verdict is called that; ${mend}`);
  }
  const verdicts = verdictsOfBug(bug);
  if (verdicts.length > 0) throw new InputError(`${where}: this bug shows as ${verdicts.join(' or ')}; give that`);
  throw new InputError(`${where}: no verdict shows this bug; see kmemlab matrix --bug ${name}`);
}

function checkLabel(label: string): void {
  const labels = pointLabels();
  if (labels.includes(label)) return;
  const where = `--window ${JSON.stringify(label)}`;
  throw new InputError(`${where}: no preemption point is called that; ${suggestion(label, labels)}`);
}

/**
 * The schedule without stalls tells what phases there are. Where a verdict ends it, later phases may have any name: nobody comes
 * to them.
 */
async function checkPhase(scenario: Scenario, name: string): Promise<void> {
  const { phases, verdict, harmless, failure } = await (await Subject.of(scenario)).trial(WITHOUT_STALLS);
  const names = phases.map((phase) => phase.name);
  const ended = failure === undefined && (verdict === undefined || harmless);
  if (names.includes(name) || !ended) return;
  const where = `--from ${JSON.stringify(name)}`;
  throw new InputError(`${where}: ${scenario.experiment} has no such phase; ${suggestion(name, names)}`);
}
