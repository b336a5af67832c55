import type { Context } from '@kmemlab/machine';

/** Answers of one request: more than there are nodes. */
const ANSWERS = 128;

/**
 * Outstanding requests of one CPU. A ticket goes with each request and comes back with its answer; those of a request to
 * several nodes differ in the place of their answer.
 */
export class Tickets {
  private readonly contexts: (Context | undefined)[] = [];
  private readonly free: number[] = [];

  /** First ticket of a request; the next answers' tickets follow. */
  take(context: Context): number {
    const slot = this.free.pop() ?? this.contexts.length;
    this.contexts[slot] = context;
    return slot * ANSWERS;
  }

  contextOf(ticket: number): Context {
    const context = this.contexts[Math.floor(ticket / ANSWERS)];
    if (context === undefined) throw new Error(`an answer came to a request that nobody made (ticket ${ticket})`);
    return context;
  }

  /** Place of the answer among the request's. */
  static indexOf(ticket: number): number {
    return ticket % ANSWERS;
  }

  /** The last answer has come. */
  give(ticket: number): void {
    const slot = Math.floor(ticket / ANSWERS);
    this.contexts[slot] = undefined;
    this.free.push(slot);
  }
}
