import { type Peer, peerName } from './types.js';

/** A call on the control channel got no answer: its deadline passed, the channel closed, or it could not be sent. */
export class ControlError extends Error {
  override readonly name = 'ControlError';

  constructor(
    readonly kind: 'deadline' | 'closed' | 'not-sent',
    readonly peer: Peer,
    readonly call: string,
    /** ms */
    readonly deadlineMs: number,
    options?: ErrorOptions,
  ) {
    super(describe(kind, peer, call, deadlineMs, options?.cause), options);
  }
}

function describe(kind: ControlError['kind'], peer: Peer, call: string, deadlineMs: number, cause: unknown): string {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  switch (kind) {
    case 'deadline':
      return `${peerName(peer)} did not answer "${call}" within ${deadlineMs} ms`;
    case 'closed':
      return `"${call}" to ${peerName(peer)} (deadline ${deadlineMs} ms) was given up${why || ': the control channel was closed'}`;
    case 'not-sent':
      return `"${call}" to ${peerName(peer)} (deadline ${deadlineMs} ms) could not be sent${why}`;
  }
}

/** The peer answered with an error; `remote` is what its handler threw. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';

  constructor(
    readonly peer: Peer,
    readonly call: string,
    readonly remote: { readonly name: string; readonly message: string },
  ) {
    super(`${peerName(peer)} failed at "${call}": ${remote.message || remote.name}`);
  }
}
