import { within } from '../event-loop.js';

/** A server that cannot be reached or used; the message is one line that names the server. */
export class BusError extends Error {
  override readonly name = 'BusError';
}

/** The first line of a message, for a message within a message. */
export const oneLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** What `promise` gives. @throws BusError after so many ms */
export const inTime = <T>(ms: number, what: string, promise: Promise<T>): Promise<T> =>
  within(ms, promise, () => {
    throw new BusError(`${what} within ${ms} ms`);
  });
