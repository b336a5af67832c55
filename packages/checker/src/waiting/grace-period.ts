import { type RcuFlavourName, type RcuReaderWaits, rcuFlavours } from '@kmemlab/kernel';
import type { Step, Verdict } from '@kmemlab/machine';
import { rcuRules } from '../rcu/rules.js';
import { Actors, type MachineWaits, stepOf } from './actors.js';
import { knownLoop } from './known-loops.js';

/** A flavour's latest grace period, and for whom it waits if it is in progress. */
export interface GracePeriodWaits {
  readonly flavour: RcuFlavourName;
  readonly number: number;
  readonly completed: number;
  readonly owing: readonly number[];
  readonly readers: readonly RcuReaderWaits[];
}

export function gracePeriodOf({ nodes }: MachineWaits, flavour: RcuFlavourName): GracePeriodWaits {
  const parts = nodes.flatMap(({ rcu }) => rcu.filter((part) => part.flavour === flavour));
  const number = Math.max(0, ...parts.map(({ gracePeriod }) => gracePeriod));
  const completed = Math.max(0, ...parts.map((part) => part.completed));
  const open = number === completed ? [] : parts;
  return {
    flavour,
    number,
    completed,
    owing: open.flatMap(({ owing }) => owing),
    readers: open.flatMap(({ readers }) => readers),
  };
}

/**
 * RCU-10: a grace period that does not end because CPUs owe a quiescent state, or because of readers that are off their CPU;
 * undefined if nobody holds one up: then it only waits for its kthread to be scheduled. A reader that left the kernel in its
 * section is why (RCU-9). The steps are the wait of the kthread and, for each that holds it up, where that is.
 * @param lasted how long it has been in progress, ns
 */
export function gracePeriodVerdict(waits: MachineWaits, lasted: number, now: number): Verdict | undefined {
  const held = rcuFlavours
    .map((flavour) => gracePeriodOf(waits, flavour))
    .find(({ owing, readers }) => owing.length + readers.length > 0);
  if (held === undefined) return undefined;
  const { flavour, number, owing, readers } = held;
  const actors = new Actors(waits);
  const kthread = actors.named(flavour).map((actor) => ({ ...stepOf(actor), time: now - lasted }));
  const places = owing.map((cpu): Step => {
    const actor = actors.cpu(cpu);
    const nowhere = { cpu, task: 'idle', function: 'idle', stack: [] };
    return { ...(actor === undefined ? nowhere : stepOf(actor)), time: now };
  });
  const sections = readers.map(({ cpu, task, name, leaked }): Step => {
    const actor = actors.task(task);
    const gone = { cpu, task: name, function: leaked ? 'user mode' : 'rcu_read_lock', stack: [] };
    return { ...(actor === undefined || leaked ? gone : stepOf(actor)), time: now };
  });
  const owed = places.map(
    ({ cpu, function: name, task }) => `CPU${cpu}, in ${name}${name === task ? '' : ` (${task})`}`,
  );
  const read = readers.map(
    ({ cpu, name, leaked }) => `${name} on CPU${cpu}${leaked ? ', which left the kernel in a read section' : ''}`,
  );
  const reasons = [
    ...(owed.length > 0 ? [`a quiescent state is owed by ${owed.join('; ')}`] : []),
    ...(read.length > 0 ? [`it waits for the reader ${read.join('; ')}`] : []),
  ];
  return {
    class: 'stall',
    id:
      knownLoop(owing.map((cpu) => actors.cpu(cpu))) ??
      (readers.some(({ leaked }) => leaked) ? rcuRules.readLeak.id : rcuRules.progress.id),
    object: `grace period ${number}`,
    owner: [...owing.map((cpu) => `CPU${cpu}`), ...readers.map(({ name }) => name)].join(', '),
    steps: [...kthread, ...places, ...sections],
    detail: `in progress for ${Math.round(lasted / 1e9)} s; ${reasons.join('; ')}`,
  };
}
