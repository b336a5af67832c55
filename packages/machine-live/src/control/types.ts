/** Who speaks on a run's control channel: the coordinator, or a node by its number. */
export type Peer = 'coordinator' | number;

/** A peer as people read it. */
export const peerName = (peer: Peer): string => (peer === 'coordinator' ? 'the coordinator' : `node ${peer}`);

/** The subject on which a peer listens. */
export const controlSubject = (run: string, peer: Peer): string =>
  `kmemlab.${run}.ctl.${peer === 'coordinator' ? peer : `node${peer}`}`;

/** Whether a value from the wire names a peer. */
export const isPeer = (value: unknown): value is Peer =>
  value === 'coordinator' || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0);
