import { Link, type LinkOptions, linkSubject } from './link.js';

export interface LinkSetOptions extends Pick<LinkOptions, 'bus' | 'run' | 'self' | 'deadlineMs'> {
  /** Numbers of the other nodes. */
  readonly peers: Iterable<number>;
  readonly onMessage: (message: Uint8Array, from: number) => void;
  /** Called once, with the first link that ends; all the others are closed then. */
  readonly onLost: (reason: string) => void;
}

/**
 * A node's links to all the others, behind one subscription. Whoever sends to this node without being one of them ends
 * the run like a peer that sends nonsense.
 */
export class LinkSet {
  readonly links: ReadonlyMap<number, Link>;
  private readonly stopListening: () => void;

  constructor(private readonly options: LinkSetOptions) {
    const { bus, run, self, deadlineMs, onMessage } = options;
    const links = [...options.peers].map((peer) => {
      const deliver = (message: Uint8Array) => onMessage(message, peer);
      const onLost = (reason: string) => this.lose(reason);
      return new Link({ bus, run, self, peer, deadlineMs, onMessage: deliver, onLost, listen: false });
    });
    const peers = [...options.peers];
    this.links = new Map(links.map((link, n) => [peers[n] as number, link]));
    const bySubject = new Map(links.map((link, n) => [linkSubject(run, self, peers[n] as number), link]));
    this.stopListening = bus.subscribe(linkSubject(run, self, '*'), (data, subject) => {
      const link = bySubject.get(subject);
      if (link === undefined) this.lose(`${data.length} bytes came from a stranger, on ${subject}`);
      else link.receive(data);
    });
  }

  /** Begin to send heartbeats, and to expect them. */
  start(): void {
    for (const link of this.links.values()) link.start();
  }

  /** Publish what is queued, as far as each window reaches. */
  flush(): void {
    for (const link of this.links.values()) link.flush();
  }

  /** Whether all that was sent has been published. */
  get idle(): boolean {
    for (const link of this.links.values()) if (!link.idle) return false;
    return true;
  }

  close(): void {
    this.stopListening();
    for (const link of this.links.values()) link.close();
  }

  private lose(reason: string): void {
    this.close();
    this.options.onLost(reason);
  }
}
