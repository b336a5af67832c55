import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bus } from '@kmemlab/machine-live';
import { InputProblem } from '../input-problem.js';
import { decodeRegistration, encode, inboxSubject, QUERY_SUBJECT, type Registration } from './messages.js';

const ANSWER_MS = 300;

/** Ask whoever listens on a subject; `hear` gets the answers of 300 ms. */
export async function ask(bus: Bus, subject: string, hear: (data: Uint8Array) => void): Promise<void> {
  const reply = inboxSubject(randomUUID());
  const unsubscribe = bus.subscribe(reply, hear);
  bus.publish(subject, encode({ reply }));
  await delay(ANSWER_MS);
  unsubscribe();
}

/** The nodes that are registered on a server, ordered by name. */
export async function discover(bus: Bus): Promise<Registration[]> {
  const found = new Map<string, Registration>();
  await ask(bus, QUERY_SUBJECT, (data) => {
    const registration = decodeRegistration(data);
    if (registration !== undefined) found.set(registration.id, registration);
  });
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
