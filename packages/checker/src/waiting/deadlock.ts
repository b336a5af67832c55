import { actorOf, type Verdict } from '@kmemlab/machine';
import { mutexRules } from '../locking/rules.js';
import { smpRules } from '../smp/rules.js';
import { type Actor, stepOf } from './actors.js';
import type { Wait, WaitKind } from './wait-graph.js';

/** What the one at the end of a wait has or does, for which the other waits. */
const HAS: Readonly<Record<WaitKind, (object: string) => string>> = {
  mutex: (object) => `holds ${object}`,
  spinlock: (object) => `holds ${object}`,
  call: () => 'has interrupts off',
  flush: (object) => `executes an item of ${object}`,
  'grace-period': (object) => `holds up ${object}`,
  cpu: (object) => `occupies ${object}`,
};

const WAITS_FOR: Readonly<Record<WaitKind, (object: string, other: string) => string>> = {
  mutex: (object, other) => `waits for ${object}, held by ${other}`,
  spinlock: (object, other) => `spins for ${object}, held by ${other}`,
  call: (_object, other) => `waits for a call to be answered by ${other} (interrupts off)`,
  flush: (object, other) => `waits for a flush of ${object}, executed by ${other}`,
  'grace-period': (object, other) => `waits for ${object}, held up by ${other}`,
  cpu: (object, other) => `waits for ${object}, occupied by ${other}`,
};

/** Where in its order a cycle is told from: the same in each look at it. */
function rotated(cycle: readonly Wait[]): readonly Wait[] {
  const keys = cycle.map(({ from }) => from.key);
  const first = keys.indexOf([...keys].sort()[0] ?? '');
  return [...cycle.slice(first), ...cycle.slice(0, first)];
}

/** Tells two looks at the same cycle from two cycles: nobody in it has been resumed in between. */
export const signatureOf = (cycle: readonly Wait[]): string =>
  rotated(cycle)
    .map(({ from }) => `${from.key}:${from.waits.waiter}`)
    .join(' ');

/** An interrupt waits for what it has interrupted: both are one actor, the CPU. */
const waitsBelow = ({ from, to }: Wait): boolean => from === to && to.waits.kind !== 'task';

/** The whole cycle in one sentence: who has what and waits for whom. */
function describe(cycle: readonly Wait[]): string {
  const last = cycle[cycle.length - 1] as Wait;
  const { from, kind, object } = last;
  if (waitsBelow(last)) return `${from.name} ${WAITS_FOR[kind](object, `what it interrupted: ${below(from)}`)}`;
  const waits = cycle.map(({ kind, object, to }) => WAITS_FOR[kind](object, to.name));
  return `${last.to.name} ${HAS[kind](object)} and ${waits.join(', which ')}`;
}

/** The rule by which the cycle was possible. A cycle with a call in it has somebody in it who waited with interrupts off. */
function ruleOf(cycle: readonly Wait[]): string {
  const kinds = new Set(cycle.map(({ kind }) => kind));
  if (kinds.has('call')) return smpRules.mayWait.id;
  return kinds.size === 1 && kinds.has('mutex') ? mutexRules.acyclic.id : 'deadlock';
}

/** A cycle of the wait-for graph as a verdict, with one step for each in it. */
export function deadlockVerdict(found: readonly Wait[]): Verdict {
  const cycle = rotated(found);
  const objects = new Set(cycle.map(({ kind, object }) => (kind === 'call' ? 'call function interrupt' : object)));
  const owners = cycle.map(ownership);
  return {
    class: 'deadlock',
    id: ruleOf(cycle),
    object: [...objects].join(', '),
    owner: owners.join('; '),
    steps: cycle.map(({ from }) => stepOf(from)).sort((a, b) => a.time - b.time),
    detail: describe(cycle),
  };
}

function ownership(wait: Wait): string {
  const { kind, object, to } = wait;
  return `${waitsBelow(wait) ? below(to) : actorOf(stepOf(to))} ${HAS[kind](object)}`;
}

const below = ({ cpu, task }: Actor): string => `${task?.name ?? 'idle'} on CPU${cpu}`;
