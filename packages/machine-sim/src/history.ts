import type { Topology } from '@kmemlab/machine';
import { EventKind, type SimEvent } from './events.js';
import type { Sketch } from './sketch.js';

const spread = (hash: number, by: number): number => {
  let h = Math.imul(hash ^ by, 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 13);
};

/** Two hashes of what has happened at one place, in its order. */
class Place {
  constructor(
    public low: number,
    public high: number,
  ) {}

  note(what: number, { low, high }: Place): void {
    this.low = spread(this.low, what ^ low);
    this.high = spread(this.high, Math.imul(what, 0x9e3779b1) ^ high);
  }
}

const copyOf = ({ low, high }: Place): Place => new Place(low, high);

/**
 * What has happened at each CPU and at each node, in the order in which it happened there: the state of the machine, however
 * steps at different places were interleaved. A CPU reads what is published on its node, so its steps also carry what has
 * happened at the node.
 */
export class History {
  private low: number;
  private high: number;
  private readonly cpus: readonly Place[];
  private readonly nodes: readonly Place[];

  /**
   * @param states gets the states gone through; nobody does if null
   * @param before what it goes on from
   */
  constructor(
    private readonly topology: Topology,
    private readonly states: Sketch | null,
    before?: History,
  ) {
    this.low = before?.low ?? 0;
    this.high = before?.high ?? 0;
    this.cpus = before?.cpus.map(copyOf) ?? Array.from({ length: topology.cpuCount }, () => new Place(1, 2));
    this.nodes = before?.nodes.map(copyOf) ?? Array.from({ length: topology.nodes }, () => new Place(1, 2));
  }

  /** One that goes on from here. */
  continued(states: Sketch | null): History {
    return new History(this.topology, states, this);
  }

  step(event: SimEvent): void {
    const cpu = this.cpus[event.cpu] as Place;
    if (event.kind === EventKind.message) {
      this.change(this.nodes[event.body.node] as Place, event.body.handler.hash, cpu);
    } else {
      const node = this.nodes[this.topology.nodeOf(event.cpu)] as Place;
      this.change(cpu, event.kind * 65599 + event.channel, node);
    }
    this.states?.add(this.low, this.high);
  }

  /** Adds the whole schedule to those that were seen. */
  addTo(orders: Sketch): void {
    orders.add(this.low, this.high);
  }

  /** The same for schedules that differ only in the order of steps that have nothing to do with each other. */
  get order(): string {
    return `${this.low >>> 0}.${this.high >>> 0}`;
  }

  /** The state is the sum of what the places are, so that one place can change by itself. */
  private change(place: Place, what: number, seen: Place): void {
    const { low, high } = place;
    place.note(what, seen);
    this.low = (this.low - spread(low, 7) + spread(place.low, 7)) | 0;
    this.high = (this.high - spread(high, 11) + spread(place.high, 11)) | 0;
  }
}
