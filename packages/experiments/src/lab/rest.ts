import type { Quiet } from '@kmemlab/machine-live';
import { type Reading, total } from './reading.js';

/** Every node is idle, and between them nothing is on its way. */
export function isAtRest(nodes: readonly Quiet[]): boolean {
  const sent = total(nodes.map((node) => node.sent));
  const received = total(nodes.map((node) => node.received));
  return sent === received && nodes.every(({ idle }) => idle);
}

/** Call-function interrupts raised so far. */
export const interruptsSent = ({ sums, cal }: Reading): number =>
  total(cal.map((_, cpu) => sums[`ipi.sent.${cpu}`] ?? 0));

/** A CPU whose interrupts do not add up: not as many handled and merged as received; undefined if there is none. */
export function unevenCpu({ cal, merged, received }: Reading): number | undefined {
  const cpu = cal.findIndex((handled, index) => handled + (merged[index] ?? 0) !== (received[index] ?? 0));
  return cpu < 0 ? undefined : cpu;
}

/** No call-function interrupt is on its way: all that were raised were received, and handled or merged. */
export const interruptsAgree = (reading: Reading): boolean =>
  interruptsSent(reading) === total(reading.received) && unevenCpu(reading) === undefined;

/** Call-function interrupts of a reading, to see whether two readings are the same. */
export const interruptsOf = (reading: Reading): string =>
  JSON.stringify([interruptsSent(reading), reading.cal, reading.received, reading.merged]);

/** Why the interrupts of a reading do not agree, in words. */
export function disagreement(reading: Reading): string {
  const cpu = unevenCpu(reading);
  if (cpu !== undefined) {
    const { cal, merged, received } = reading;
    return `CPU${cpu} has handled ${cal[cpu]} call-function interrupts and merged ${merged[cpu]}, but received ${received[cpu]}`;
  }
  return `${interruptsSent(reading)} call-function interrupts were sent, but ${total(reading.received)} received`;
}
