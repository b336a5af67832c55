import { Vector, type Verdict } from '@kmemlab/machine';
import { type Decider, EventKind, replay, type SimEvent, type Stall } from '@kmemlab/machine-sim';
import { formatNs, type Interleaving, type InterleavingRow } from '@kmemlab/results';
import type { Subject, Trial } from './subject.js';

const VECTORS = new Map<number, string>(Object.entries(Vector).map(([name, vector]) => [vector, name]));

/** Try a schedule once more and write down who did what. */
export async function interleavingOf(
  subject: Subject,
  stalls: readonly Stall[],
): Promise<{ readonly trial: Trial; readonly interleaving: Interleaving }> {
  const rows: InterleavingRow[] = [];
  let time = 0;
  const again = replay(stalls);
  const decide: Decider = (next) => {
    const ns = again(next);
    const whose = next.actor % 2 === 0 ? 'late' : 'its interrupts are late';
    if (ns > 0) rows.push({ kind: 'stall', time, cpu: next.actor >> 1, text: `${whose} by ${formatNs(ns)}` });
    return ns;
  };
  const onStep = (event: SimEvent, now: number): void => {
    time = now;
    const text = describe(event, subject);
    if (text !== undefined) rows.push({ kind: 'step', time, cpu: event.cpu, text });
  };
  const trial = await subject.trial(decide, { onStep });
  if (trial.verdict !== undefined) addConflict(rows, trial.verdict);
  return { trial, interleaving: { cpus: subject.topology.cpuCount, rows } };
}

/** What people want to see of an event; nothing of answers, timers and the mere passing of time. */
function describe(event: SimEvent, subject: Subject): string | undefined {
  const own = subject.topology.nodeOf(event.cpu);
  switch (event.kind) {
    case EventKind.message:
      return event.body.node === own
        ? event.body.handler.name
        : `${event.body.handler.name} at node ${event.body.node}`;
    case EventKind.workDone: {
      const point = subject.pointOf(event.cpu);
      return point === null ? undefined : `at ${point}`;
    }
    case EventKind.doorbell:
      return `interrupt ${VECTORS.get(event.body)}`;
    case EventKind.thread:
      return `wakes ${event.body.thread}`;
    case EventKind.syscall:
      return `${event.body.task.name}: ${event.body.syscall.name}(`;
    case EventKind.returned:
      return `${event.body.task.name}: )`;
    default:
      return undefined;
  }
}

/** The verdict's own steps, where they happened. */
function addConflict(rows: InterleavingRow[], { steps }: Verdict): void {
  for (const [index, { cpu, time, function: fn }] of steps.entries()) {
    const after = rows.findIndex((row) => row.time > time);
    const row = { kind: 'conflict', time, cpu, text: `${index + 1}: ${fn}` } as const;
    rows.splice(after < 0 ? rows.length : after, 0, row);
  }
}
