import type { Bus } from '@kmemlab/machine-live';
import { ask } from '../registry/discover.js';
import { decodePresence, decodeQuery, encode, type Presence } from '../registry/messages.js';
import { SERVICE_QUERY_SUBJECT } from './subjects.js';

/** Answer whoever asks for coordinator services. @returns ends that */
export const announceService = (bus: Bus, presence: () => Presence): (() => void) =>
  bus.subscribe(SERVICE_QUERY_SUBJECT, (data) => {
    const query = decodeQuery(data);
    if (query !== undefined) bus.publish(query.reply, encode(presence()));
  });

/** The coordinator services on a server, ordered by host. */
export async function findServices(bus: Bus): Promise<Presence[]> {
  const found: Presence[] = [];
  const hear = (data: Uint8Array): void => {
    const presence = decodePresence(data);
    if (presence !== undefined) found.push(presence);
  };
  await ask(bus, SERVICE_QUERY_SUBJECT, hear, () => found.length > 0);
  const key = ({ host, pid }: Presence) => `${host} ${pid}`;
  return found.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
