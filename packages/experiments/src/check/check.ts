import type { CheckResult, Interleaving, SearchStrategy } from '@kmemlab/results';
import { InputError, type PatchFile, type RunRequest, type Scenario } from '../api.js';
import { machineShape } from '../scenario/machine-shape.js';
import { resolveScenario } from '../scenario/resolve.js';
import { type Aim, checkAim } from './aim.js';
import { interleavingOf } from './interleaving.js';
import { parseReplayFile, type ReplayFile, replayFileOf, subjectOf } from './replay-file.js';
import { type SearchOptions, type SearchResult, search } from './search.js';
import { shrink } from './shrink.js';
import type { SearchPlan } from './types.js';

const DEFAULT_SCHEDULES = 10_000;
const MOST_SCHEDULES = 1e9;
const DEFAULT_DEPTH: Readonly<Record<SearchStrategy, number>> = { pct: 3, random: 0, exhaustive: 2 };
const MOST_DEPTH = 100;

/** What to search, before validation. The scenario is that of a run, small unless more is asked for. */
export interface CheckRequest {
  readonly run: RunRequest;
  readonly schedules?: number;
  readonly strategy?: SearchStrategy;
  readonly depth?: number;
  /** Rule or class of the verdicts that count; all if absent. */
  readonly only?: string;
  /** Labels of the preemption points at which somebody is late; all if absent. */
  readonly windows?: readonly string[];
  /** The first phase in which somebody may be late; any if absent. */
  readonly from?: string;
}

export interface CheckOptions extends SearchOptions {
  /** Called when the search has found something and shrinking begins. */
  readonly onFound?: () => void;
}

/** What a check came to, with what it takes to show it again. */
export interface Checked {
  readonly result: CheckResult;
  readonly replay?: ReplayFile;
}

/** @throws InputError one line: what, where, how to mend */
export async function resolveCheck(request: CheckRequest): Promise<SearchPlan> {
  const { run, schedules, strategy = 'pct', depth, only, windows, from } = request;
  const scenario = await resolveScenario({ ...run, engine: 'sim', forSearch: true });
  inRange('--schedules', schedules, MOST_SCHEDULES);
  inRange('--depth', depth, MOST_DEPTH);
  if (strategy === 'random' && depth !== undefined) {
    throw new InputError('--depth: random schedules have no depth; leave it out or use --strategy pct');
  }
  const aim: Aim = {
    ...(only !== undefined && { only }),
    ...(from !== undefined && { from }),
    ...(windows !== undefined && windows.length > 0 && { windows }),
  };
  await checkAim(scenario, aim);
  return {
    scenario,
    strategy,
    schedules: schedules ?? DEFAULT_SCHEDULES,
    depth: depth ?? DEFAULT_DEPTH[strategy],
    anyVerdict: false,
    ...aim,
  };
}

function inRange(flag: string, value: number | undefined, most: number): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= 1 && value <= most)) {
    throw new InputError(`${flag} ${value}: not possible; give a whole number from 1 to ${most}`);
  }
}

/** Search a scenario's schedules for one that ends with a verdict, and shrink it. */
export async function check(plan: SearchPlan, options: CheckOptions = {}): Promise<Checked> {
  const started = performance.now();
  const searched = await search(plan, options);
  const searchNs = (performance.now() - started) * 1e6;
  const { found } = searched;
  if (found === undefined) return { result: resultOf(plan, searched, searchNs, {}) };
  options.onFound?.();
  const shrunk = await shrink(plan, found, options.signal);
  const { trial, stalls, scenario } = shrunk;
  const { experiment, kernel, params } = scenario;
  const counterexample = {
    index: found.index,
    harmless: found.harmless,
    experiment,
    kernel,
    machine: machineShape(scenario),
    params,
    stalls,
    steps: trial.extent.steps,
  };
  const verdict = trial.verdict ?? found.verdict;
  return {
    result: resultOf(plan, searched, searchNs, { verdict, counterexample }),
    replay: await replayFileOf(shrunk),
  };
}

function resultOf(
  plan: SearchPlan,
  searched: SearchResult,
  searchNs: number,
  found: Pick<CheckResult, 'verdict' | 'counterexample'>,
): CheckResult {
  const { scenario, strategy, depth } = plan;
  const { schedules, states, orders, steps, longest, complete, idlePatches, failure, interrupted } = searched;
  const outcome = failure !== undefined ? 'failed' : found.verdict ? 'violation' : interrupted ? 'incomplete' : 'ok';
  const detail = `schedule ${failure?.index}: ${failure?.detail}`;
  return {
    schema: 'kmemlab.check/1',
    experiment: scenario.experiment,
    kernel: scenario.kernel,
    config: scenario.config,
    machine: machineShape(scenario),
    params: scenario.params,
    strategy,
    ...(strategy !== 'random' && { depth }),
    seed: scenario.seed,
    asked: plan.schedules,
    schedules,
    complete,
    states,
    orders,
    steps,
    longest,
    ...(idlePatches.length > 0 && { idlePatches }),
    outcome,
    ...(failure !== undefined && {
      failure: { kind: scenario.patchFiles.length > 0 ? 'patch-threw' : 'internal', detail },
    }),
    ...(outcome === 'incomplete' && { failure: { kind: 'interrupted', detail: `after ${schedules} schedules` } }),
    ...found,
    elapsed: { hostNs: Math.round(searchNs) },
  };
}

/** What a replay shows: the verdict, and who did what in which order. */
export interface Replayed {
  readonly scenario: Scenario;
  readonly file: ReplayFile;
  readonly verdict: CheckResult['verdict'];
  readonly interleaving: Interleaving;
}

/**
 * Play a replay file.
 * @throws InputError if it is no replay file, was made with another kernel model, or needs patches that are not given
 */
export async function playReplay(path: string, text: string, patchFiles: readonly PatchFile[]): Promise<Replayed> {
  const file = parseReplayFile(path, text);
  const { subject, scenario } = await subjectOf(path, file, patchFiles);
  const { trial, interleaving } = await interleavingOf(subject, file.stalls);
  if (trial.digest !== file.digest) {
    throw new InputError(
      `${path}: made with another version of the kernel model, or edited: it plays differently here; ` +
        `search again with "kmemlab check ${scenario.experiment} --kernel ${scenario.kernel}"`,
    );
  }
  return { scenario, file, verdict: trial.verdict, interleaving };
}
