import { replay } from '@kmemlab/machine-sim';
import type { Finding, RunResult } from '@kmemlab/results';
import type { Scenario } from '../api.js';
import type { WantedFinding } from '../bugs/types.js';
import { runSim } from '../run-sim.js';
import { type ReplayFile, replayFileOf, scenarioOf } from './replay-file.js';
import { shrinkStalls } from './shrink.js';
import { Subject } from './subject.js';
import { prepare, trySchedules } from './try-schedules.js';
import type { SearchPlan, Tried } from './types.js';

/** A case of the bug matrix as a thread decides it. */
export interface CaseTask {
  readonly plan: SearchPlan;
  /** One run decides, and not the search. */
  readonly finding?: WantedFinding;
  /** Digest of the schedule without stalls when the case was decided before: if it is the same, nothing is searched. */
  readonly known?: string;
  /** What was kept then; it must still show the bug. */
  readonly kept?: ReplayFile;
}

/** How a case came out. */
export interface CaseTried extends Pick<Tried, 'schedules' | 'others' | 'points' | 'steps'> {
  readonly digest: string;
  /** The digest is the known one; the rest says nothing. */
  readonly unchanged: boolean;
  readonly found: boolean;
  /** The first verdict that does not count. */
  readonly other?: string;
  /** Rules and classes of all that do not count; absent where one run decides. */
  readonly otherVerdicts?: ReadonlySet<string>;
  readonly failure?: string;
  readonly replay?: ReplayFile;
}

/** Whether a search that has found nothing would have found nothing of this rule or class either. */
export const answersFor = ({ found, failure, otherVerdicts }: CaseTried, wanted: string): boolean =>
  !found && failure === undefined && otherVerdicts?.has(wanted) === false;

/** Decide a case, on this thread. */
export async function tryCase(task: CaseTask): Promise<CaseTried> {
  return task.finding === undefined ? searchFor(task) : lookFor(task.plan.scenario, task.finding);
}

/** Whether a replay file ends as it did when it was made. */
async function endsAsBefore(file: ReplayFile): Promise<boolean> {
  const { boot, stalls, verdict, digest } = file;
  const subject = await Subject.of(scenarioOf(file));
  const trial = await subject.trial(replay(stalls));
  return subject.bootDigest === boot && trial.verdict?.id === verdict.id && trial.digest === digest;
}

const NOTHING = { schedules: 0, others: 0, points: 0, steps: 0, found: false } as const;

async function searchFor({ plan, known, kept }: CaseTask): Promise<CaseTried> {
  const prepared = await prepare(plan);
  const { digest } = prepared.first;
  if (digest === known && (kept === undefined || (await endsAsBefore(kept)))) {
    return { ...NOTHING, digest, unchanged: true };
  }
  const part = { first: 0, count: plan.schedules, given: [], expand: 0 };
  const { schedules, others, other, otherVerdicts, points, steps, failure, ...tried } = await trySchedules(
    prepared,
    plan,
    part,
  );
  const found = tried.found ?? tried.harmless;
  const file =
    found === undefined ? undefined : await replayFileOf(await shrinkStalls(plan.scenario, found.stalls, found));
  return {
    ...{ digest, unchanged: false, schedules, others, otherVerdicts, points, steps, found: found !== undefined },
    ...(other !== undefined && { other: `${other.verdict.class} (${other.verdict.id})` }),
    ...(failure !== undefined && { failure: `schedule ${failure.index}: ${failure.detail}` }),
    ...(file !== undefined && { replay: file }),
  };
}

/** Run the scenario once, without stalls, and look at what it found at the end of each phase. */
async function lookFor(scenario: Scenario, wanted: WantedFinding): Promise<CaseTried> {
  const atPhase = new Map<string, readonly Finding[]>();
  const onPartial = ({ phases, findings }: RunResult): void => {
    const last = Object.keys(phases).at(-1);
    if (last !== undefined) atPhase.set(last, findings);
  };
  const result = await runSim(scenario, { onPartial });
  const findings = wanted.phase === undefined ? result.findings : atPhase.get(wanted.phase);
  const steps = Object.values(result.phases).reduce((sum, { events }) => sum + events, 0);
  const [verdict] = result.verdicts;
  const common = { ...NOTHING, digest: result.digest ?? '', unchanged: false, schedules: 1, steps };
  if (result.failure !== undefined) return { ...common, failure: result.failure.detail };
  return {
    ...common,
    found: findings?.some((finding) => isWanted(finding, wanted)) ?? false,
    ...(verdict !== undefined && { others: 1, other: `${verdict.class} (${verdict.id})` }),
    ...(findings === undefined && verdict === undefined && { failure: `there is no phase ${wanted.phase}` }),
  };
}

const isWanted = ({ class: name, count, pinnedBy }: Finding, wanted: WantedFinding): boolean =>
  name === wanted.class && (wanted.pinnedBy === undefined ? count : Number(pinnedBy[wanted.pinnedBy] ?? 0)) > 0;
