import { randomUUID } from 'node:crypto';
import type { Bus } from '@kmemlab/machine-live';
import { InputProblem } from '../input-problem.js';
import { decodeRegistration, encode, inboxSubject, QUERY_SUBJECT, type Registration } from './messages.js';

/** Whoever listens answers within this, */
const ANSWER_MS = 300;
/** or, on a computer that has much to do, within this. */
const PATIENCE_MS = 3_000;

/**
 * Ask whoever listens on a subject; `hear` gets the answers of 300 ms, and of up to three seconds if those are not enough.
 * Resolves at once if the server knows that nobody listens.
 */
export function ask(bus: Bus, subject: string, hear: (data: Uint8Array) => void, enough: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const reply = inboxSubject(randomUUID());
    let late = false;
    const end = () => {
      clearTimeout(answerTimer);
      clearTimeout(patienceTimer);
      unsubscribe();
      resolve();
    };
    const endIfEnough = () => {
      if (late && enough()) end();
    };
    const answerTimer = setTimeout(() => {
      late = true;
      endIfEnough();
    }, ANSWER_MS);
    const patienceTimer = setTimeout(end, PATIENCE_MS);
    const onAnswer = (data: Uint8Array) => {
      hear(data);
      endIfEnough();
    };
    const unsubscribe = bus.subscribe(reply, onAnswer, end);
    bus.publish(subject, encode({ reply }), reply);
  });
}

type IsEnough = (found: readonly Registration[]) => boolean;

/** So many nodes that no run has taken. */
export const freeOnes =
  (nodes: number): IsEnough =>
  (found) =>
    found.filter(({ busy }) => !busy).length >= nodes;

/** The nodes that are registered on a server, ordered by name; it waits for slow ones until those found are enough. */
export async function discover(bus: Bus, isEnough: IsEnough = (found) => found.length > 0): Promise<Registration[]> {
  const found = new Map<string, Registration>();
  const hear = (data: Uint8Array): void => {
    const registration = decodeRegistration(data);
    if (registration !== undefined) found.set(registration.id, registration);
  };
  await ask(bus, QUERY_SUBJECT, hear, () => isEnough([...found.values()]));
  const key = ({ name, id }: Registration) => `${name} ${id}`;
  return [...found.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Of those registered, as many as a run needs. Throws an InputProblem if some are there, but too few are free. */
export function selectFree(registered: readonly Registration[], nodes: number, server: string): Registration[] {
  const free = registered.filter(({ busy }) => !busy);
  if (free.length >= nodes) return free.slice(0, nodes);
  const busy = registered.length - free.length;
  const are = (n: number) => `${n} ${n === 1 ? 'is' : 'are'}`;
  const there = busy === 0 ? `${are(registered.length)} registered` : `${are(free.length)} free and ${busy} busy`;
  const mend = free.length === 0 ? 'wait for the other run to end' : `use --nodes ${free.length}`;
  throw new InputProblem(
    `the run needs ${nodes} ${nodes === 1 ? 'node' : 'nodes'} and ${there} at ${server}; start more with "kmemlab node --nats URL", or ${mend}`,
  );
}
