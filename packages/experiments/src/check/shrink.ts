import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { Topology } from '@kmemlab/machine';
import { replay, type Stall } from '@kmemlab/machine-sim';
import type { Scenario } from '../api.js';
import { cpusExist } from '../params.js';
import { configTokens, parseConfig } from '../scenario/kernel-config.js';
import { findExperiment } from '../scenario/resolve.js';
import { Subject, type Trial } from './subject.js';
import { prepare, trySchedules } from './try-schedules.js';
import type { Counterexample, SearchPlan } from './types.js';

/** Schedules that a smaller scenario is given to show the verdict, at least, and as a multiple of what the larger one took. */
const LEAST_TRIES = 300;
const PATIENCE = 4;
/** Schedules between two looks at the signal. */
const PORTION = 20;
/** Stalls are halved down to this, ns. */
const SHORTEST_STALL = 100;

/** A counterexample with everything taken away that it does not need. */
export interface Shrunk {
  readonly scenario: Scenario;
  readonly stalls: readonly Stall[];
  /** The schedule as it is now. */
  readonly trial: Trial;
  readonly subject: Subject;
}

type Verdictless = Pick<Counterexample, 'verdict' | 'harmless'>;

/**
 * Look for the same verdict on fewer CPUs, then with smaller parameters, then with fewer and shorter stalls.
 * @param found what a search of the plan has found
 * @param signal to be content with what has been taken away by now
 */
export async function shrink(plan: SearchPlan, found: Counterexample, signal?: AbortSignal): Promise<Shrunk> {
  const all: Found = { plan, stalls: found.stalls };
  let best = (await firstOf(fewerCpus(plan.scenario), plan, found, signal)) ?? all;
  for (let next: Found | undefined = best; next !== undefined; ) {
    best = next;
    next = await firstOf(smallerParams(best.plan.scenario), best.plan, found, signal);
  }
  return shrinkStalls(best.plan.scenario, best.stalls, found, signal);
}

/** Leave the scenario as it is, and look for the same verdict with fewer and shorter stalls. */
export async function shrinkStalls(
  scenario: Scenario,
  from: readonly Stall[],
  found: Verdictless,
  signal?: AbortSignal,
): Promise<Shrunk> {
  const subject = await Subject.of(scenario);
  const stalls = await fewerStalls(subject, from, found, signal);
  return { scenario, stalls, subject, trial: await subject.trial(replay(stalls)) };
}

/** A search that shows the verdict, and with which stalls. */
interface Found {
  readonly plan: SearchPlan;
  readonly stalls: readonly Stall[];
}

/** The first of these scenarios that still shows the verdict. */
async function firstOf(
  scenarios: Iterable<Scenario>,
  plan: SearchPlan,
  found: Counterexample,
  signal: AbortSignal | undefined,
): Promise<Found | undefined> {
  const tries = Math.max(LEAST_TRIES, PATIENCE * found.index);
  for (const scenario of scenarios) {
    if (signal?.aborted) return undefined;
    const smaller = { ...plan, scenario };
    const example = await findIn(smaller, found, tries, signal);
    if (example !== undefined) return { plan: smaller, stalls: example.stalls };
  }
  return undefined;
}

async function findIn(
  plan: SearchPlan,
  found: Verdictless,
  tries: number,
  signal: AbortSignal | undefined,
): Promise<Counterexample | undefined> {
  const prepared = await prepare(plan);
  const strategy = plan.strategy === 'exhaustive' ? 'pct' : plan.strategy;
  const sought = { ...plan, strategy, anyVerdict: found.harmless } as const;
  let harmless: Counterexample | undefined;
  for (let first = 0; first < tries && !(await aborted(signal)); first += PORTION) {
    const part = { first, count: Math.min(PORTION, tries - first), given: [], expand: 0 };
    const tried = await trySchedules(prepared, sought, part);
    if (tried.found !== undefined) return same(tried.found, found) ? tried.found : undefined;
    harmless ??= tried.harmless;
    if (tried.failure !== undefined) break;
  }
  return harmless !== undefined && same(harmless, found) ? harmless : undefined;
}

/** Whoever aborts gets a turn first: trials leave none. */
async function aborted(signal: AbortSignal | undefined): Promise<boolean> {
  await turnOfEventLoop();
  return signal?.aborted ?? false;
}

/** The fewest CPUs first, so that the first of them that will do is the smallest. */
export function* fewerCpus(scenario: Scenario): Generator<Scenario> {
  const { nodes, cpusPerNode, isolcpus, params } = scenario;
  const { params: specs } = findExperiment(scenario.experiment);
  const config = parseConfig(scenario.config.join(','));
  for (let cpus = 1; cpus < nodes * cpusPerNode; cpus++) {
    for (let n = 1; n <= nodes; n++) {
      if (cpus % n !== 0 || !cpusExist(specs, params, cpus)) continue;
      const exists = (cpu: number): boolean => cpu < cpus;
      const tokens = configTokens({ ...config, nohzFull: config.nohzFull.filter(exists) });
      const on = { nodes: n, cpusPerNode: cpus / n, isolcpus: isolcpus.filter(exists), config: tokens };
      const smaller = { ...scenario, ...on };
      if (on.isolcpus.length < cpus && isPossible(smaller)) yield smaller;
    }
  }
}

/** Each amount at its least, then halved. */
export function* smallerParams(scenario: Scenario): Generator<Scenario> {
  const { params } = scenario;
  for (const [name, spec] of Object.entries(findExperiment(scenario.experiment).params)) {
    const value = Number(params[name]);
    if (spec.kind !== 'integer' || !spec.amount || !(value > spec.min)) continue;
    for (const less of new Set([spec.min, Math.max(spec.min, Math.floor(value / 2))])) {
      const smaller = { ...scenario, params: { ...params, [name]: less } };
      if (isPossible(smaller)) yield smaller;
    }
  }
}

/** Whether the experiment would take these parameters on such a machine: a replay file is for others to run. */
function isPossible({ experiment, params, nodes, cpusPerNode, config }: Scenario): boolean {
  const { contradiction } = findExperiment(experiment);
  return contradiction?.(params, new Topology(nodes, cpusPerNode), parseConfig(config.join(','))) === undefined;
}

const same = (a: Verdictless, b: Verdictless): boolean =>
  a.verdict.class === b.verdict.class && a.verdict.id === b.verdict.id && a.harmless === b.harmless;

/** Leave out what can be left out, in halves first, then halve what is left. */
async function fewerStalls(
  subject: Subject,
  stalls: readonly Stall[],
  found: Verdictless,
  signal: AbortSignal | undefined,
): Promise<readonly Stall[]> {
  const shows = async (tried: readonly Stall[]): Promise<boolean> => {
    if (await aborted(signal)) return false;
    const { verdict, harmless, failure } = await subject.trial(replay(tried));
    return failure === undefined && verdict !== undefined && same({ verdict, harmless }, found);
  };
  let left = stalls;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length; ) {
      const without = [...left.slice(0, at), ...left.slice(at + size)];
      if (await shows(without)) left = without;
      else at += size;
    }
  }
  for (let at = 0; at < left.length; at++) {
    for (;;) {
      const stall = left[at] as Stall;
      const ns = Math.floor(stall.ns / 2);
      const shorter = left.with(at, { ...stall, ns });
      if (ns < SHORTEST_STALL || !(await shows(shorter))) break;
      left = shorter;
    }
  }
  return left;
}
