import { RandomStream } from '@kmemlab/machine';
import { type Decider, type Extent, pctStalls, randomStalls, replay, Sketch, type Stall } from '@kmemlab/machine-sim';
import { Races } from './races.js';
import { type Listener, type PhaseEnd, Subject, type Trial } from './subject.js';
import type { Counterexample, Expansion, SearchPlan, Tried } from './types.js';

/** A part of a search: the schedules from `first` on. */
export interface Part {
  readonly first: number;
  readonly count: number;
  /** For `exhaustive`: their stalls. */
  readonly given: readonly (readonly Stall[])[];
  /** For `exhaustive`: how many schedules that follow from each are of use; one more is told of, to say that there are more. */
  readonly expand: number;
}

/** What schedules of a search are drawn from: its subject, and how long that is without stalls. */
export interface Prepared {
  readonly subject: Subject;
  readonly extent: Extent;
  /** The schedule without stalls. */
  readonly first: Trial;
}

/** What a search needs before its first schedule: a machine that begins where somebody may be late. */
export async function prepare({
  scenario,
  windows,
  from,
}: Pick<SearchPlan, 'scenario' | 'windows' | 'from'>): Promise<Prepared> {
  const subject = await Subject.of(scenario, windows);
  const first = await subject.mark(from);
  const before = from === undefined ? [] : phasesBefore(from, first);
  return { subject, extent: extentOf(first, before.at(-1)), first };
}

/** Those that ended before this one began. A phase that has not ended is the one in which the schedule did. */
function phasesBefore(phase: string, { phases }: Trial): readonly PhaseEnd[] {
  const at = phases.findIndex(({ name }) => name === phase);
  return at < 0 ? phases : phases.slice(0, at);
}

/** A schedule without stalls says how long the others are, and where the phase begins from which on somebody may be late. */
function extentOf({ extent }: Trial, before: PhaseEnd | undefined): Extent {
  if (before === undefined) return extent;
  return { ...extent, from: { step: Math.min(before.step, extent.steps - 1), point: before.point } };
}

/** Schedule 0 of every search has no stalls. */
export const WITHOUT_STALLS: Decider = () => 0;

/** Schedule number `index` depends on the scenario's seed and on its own number only. */
function drawn({ strategy, depth, scenario: { seed } }: SearchPlan, index: number, extent: Extent): Decider {
  if (index === 0) return WITHOUT_STALLS;
  const random = new RandomStream(seed, `schedule ${index}`);
  return strategy === 'pct' ? pctStalls(random, depth, extent) : randomStalls(random);
}

/** Try a part of a search's schedules, up to the first that ends it. */
export async function trySchedules(
  { subject, extent }: Pick<Prepared, 'subject' | 'extent'>,
  plan: SearchPlan,
  { first, count, given, expand }: Part,
): Promise<Tried> {
  const states = new Sketch();
  const orders = new Sketch();
  const expansions: Expansion[] = [];
  const otherVerdicts = new Set<string>();
  let [schedules, steps, longest, others, points] = [0, 0, 0, 0, 0];
  let found: Counterexample | undefined;
  let harmless: Counterexample | undefined;
  let other: Counterexample | undefined;
  let failure: Tried['failure'];
  while (schedules < count && found === undefined && failure === undefined) {
    const index = first + schedules;
    const own = given[schedules];
    const decide = own === undefined ? drawn(plan, index, extent) : replay(own);
    // Races are looked for in the whole schedule.
    const beginning = own === undefined ? subject.beginningFor(decide) : subject.first;
    const history = beginning.history.continued(states);
    const races =
      own !== undefined && own.length < plan.depth ? new Races(subject.topology, beginning.place.step) : undefined;
    const of = schedules;
    const listener: Listener = {
      onStep: (event, time) => {
        history.step(event);
        races?.note(event, time);
      },
      onSend: races?.sent,
    };
    const trial = await subject.trial(decide, listener, beginning);
    history.addTo(orders);
    schedules++;
    steps += trial.extent.steps;
    points += trial.extent.points;
    longest = Math.max(longest, trial.extent.steps);
    if (trial.failure !== undefined) failure = { index, detail: trial.failure };
    const example = counterexampleOf(index, trial);
    if (example !== undefined && !counts(example, plan.only)) {
      other ??= example;
      others++;
      otherVerdicts.add(example.verdict.id).add(example.verdict.class);
    } else if (example?.harmless === false || plan.anyVerdict) found = example;
    else harmless ??= example;
    if (races !== undefined && own !== undefined) {
      const last = own.at(-1)?.step ?? -1;
      const more = [...firstOf(races.oneMore(last + 1), expand + 1)];
      expansions.push({ behind: `${history.order} ${last}`, of, more });
    }
  }
  const sketches = { states: states.registers, orders: orders.registers };
  const notCounted = { other, others, otherVerdicts };
  const { idlePatches } = subject;
  return {
    schedules,
    steps,
    longest,
    points,
    found,
    harmless,
    ...notCounted,
    failure,
    idlePatches,
    ...sketches,
    expansions,
  };
}

function* firstOf<T>(all: Iterable<T>, most: number): Generator<T> {
  let left = most;
  for (const each of all) {
    if (left-- <= 0) return;
    yield each;
  }
}

const counts = ({ verdict }: Counterexample, only: string | undefined): boolean =>
  only === undefined || verdict.id === only || verdict.class === only;

const counterexampleOf = (index: number, { verdict, harmless, stalls }: Trial): Counterexample | undefined =>
  verdict === undefined ? undefined : { index, stalls, verdict, harmless };
