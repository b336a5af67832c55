import { rcuFlavours } from '@kmemlab/kernel';
import { actorOf, type Step, type Verdict } from '@kmemlab/machine';
import { type Actor, type MachineWaits, stepOf } from './actors.js';
import { knownLoop } from './known-loops.js';
import { WaitGraph } from './wait-graph.js';

/** One look at a machine that has done nothing useful for a while. */
export interface Look {
  readonly waits: MachineWaits;
  /** How often each work function was executed, by name, since power-on; those that run for ever anyway left out. */
  readonly workRuns: Readonly<Record<string, number>>;
}

/** The kthreads that drive grace periods look at their CPUs again and again while they owe something: that is waiting. */
const WAITS_ACTIVELY: readonly string[] = rcuFlavours;

/** The task in whose name an actor runs, and what it last came to a stop at; undefined for an interrupt over idle. */
const visitOf = ({ task }: Actor): string | undefined =>
  task === null || WAITS_ACTIVELY.includes(task.name) ? undefined : `${task.task}.${task.syscall}`;

const waiterOf = ({ task, waits }: Actor): number => (task ?? waits).waiter;

/** Tasks that were in the same visit to the kernel at both looks and have run in between. */
function movers(before: MachineWaits, now: MachineWaits): { readonly earlier: Actor; readonly now: Actor }[] {
  const earlier = new Map<string, Actor>();
  for (const actor of new WaitGraph(before).actors.all) {
    const visit = visitOf(actor);
    if (visit !== undefined) earlier.set(visit, actor);
  }
  return new WaitGraph(now).actors.all.flatMap((actor) => {
    const past = earlier.get(visitOf(actor) ?? '');
    if (past === undefined || actor.waits.doing === 'queued') return [];
    // An interrupt may have come over a task that spins.
    const stands = waiterOf(actor) !== 0 && waiterOf(actor) === waiterOf(past);
    return stands ? [] : [{ earlier: past, now: actor }];
  });
}

/**
 * Kernel code that goes on and on: a task that has been in the same visit to the kernel all the time and yet has run, or
 * work functions that are executed again and again while their backlog does not shrink. Undefined if nothing moves.
 */
export function livelockVerdict(before: Look, now: Look, span: string): Verdict | undefined {
  const busy = movers(before.waits, now.waits);
  const again = Object.keys(now.workRuns).filter((fn) => (now.workRuns[fn] ?? 0) > (before.workRuns[fn] ?? 0));
  const [first] = busy;
  if (first === undefined && again.length === 0) return undefined;
  const runs = again.map((fn) => `${fn} has run ${(now.workRuns[fn] ?? 0) - (before.workRuns[fn] ?? 0)} times`);
  const tasks = busy.map(({ now: actor }) => `${actor.name} goes on running kernel code`);
  const steps = busy.length > 0 ? busy.flatMap(({ earlier, now: later }) => [stepOf(earlier), stepOf(later)]) : [];
  return {
    class: 'livelock',
    id: knownLoop(busy.map(({ now: actor }) => actor)) ?? 'livelock',
    object: first === undefined ? again.join(', ') : first.now.name,
    ...(first !== undefined && { owner: actorOf(stepOf(first.now)) }),
    steps: steps.length > 0 ? steps : whereAll(now.waits),
    detail: `${[...tasks, ...runs].join('; ')}; but ${span}`,
  };
}

/** Where everybody is that is in the kernel. */
const whereAll = (waits: MachineWaits): Step[] => new WaitGraph(waits).actors.all.map(stepOf);

/** Nothing moves any more, and nobody waits in a circle. */
export const stallVerdict = (waits: MachineWaits, detail: string): Verdict => ({
  class: 'stall',
  id: 'stall',
  object: 'machine',
  steps: whereAll(waits),
  detail,
});
