import type { Connection } from './connection.js';
import type { Publication } from './parser.js';
import type { Settings } from './settings.js';
import { SubjectIndex } from './subjects.js';

/** One client's interest in a subject. `max` is the delivery that ends it; 0: none does. */
export interface Subscription {
  readonly owner: Connection;
  readonly subject: string;
  readonly queue: string | undefined;
  readonly sid: string;
  max: number;
  delivered: number;
}

const NOBODY = Buffer.from('NATS/1.0 503\r\n\r\n');

/** What the connections of a broker share: who is there, who listens to what, and the way from one to the others. */
export class Hub {
  readonly connections = new Set<Connection>();
  readonly subscriptions = new SubjectIndex<Subscription>();
  readonly stats = { accepted: 0, messagesIn: 0, messagesOut: 0, faults: 0 };

  constructor(readonly settings: Settings) {}

  /** Deliver to all who subscribed; a request that reaches nobody is answered with 503 where the client takes that. */
  publish(message: Publication, from: Connection): void {
    const { subject, reply } = message;
    this.stats.messagesIn++;
    let reached = 0;
    for (const group of this.subscriptions.match(subject)) {
      const members = from.client.echo ? group : group.filter(({ owner }) => owner !== from);
      const chosen = members[Math.floor(members.length > 1 ? this.settings.random() * members.length : 0)];
      if (chosen !== undefined) reached++;
      chosen?.owner.deliver(chosen, message);
    }
    this.stats.messagesOut += reached;
    if (reached > 0 || !from.client.noResponders || reply === undefined) return;
    const nobody = { ...message, subject: reply, reply: undefined, headerBytes: NOBODY.length, payload: NOBODY };
    for (const own of this.subscriptions.match(reply).flat()) if (own.owner === from) from.deliver(own, nobody);
  }
}
