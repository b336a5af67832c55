import type { Topology } from '@kmemlab/machine';
import { actorOf, EventKind, type SimEvent, type Stall } from '@kmemlab/machine-sim';

/** Behind how many of the later steps that it depends on a step is put: the farther, the coarser. */
const BEHIND: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const MOST_BEHIND = 64;

interface Step {
  readonly time: number;
  readonly actor: number;
  readonly cpu: number;
  /** Node of a handler, −1 for the code of a CPU. */
  readonly node: number;
  /** Of a handler: the object it works on, 0 if that is not said. */
  readonly object: number;
}

/** The steps of one schedule, to see which of them could have come in another order. */
export class Races {
  private readonly steps: Step[] = [];

  /** @param before steps of the schedule that were before the first noted */
  constructor(
    private readonly topology: Topology,
    private readonly before = 0,
  ) {}

  readonly note = (event: SimEvent, time: number): void => {
    const message = event.kind === EventKind.message;
    this.steps.push({
      time,
      actor: actorOf(event),
      cpu: event.cpu,
      node: message ? event.body.node : -1,
      object: message ? event.body.object : 0,
    });
  };

  /**
   * One stall more, in every way that changes something: each step after `from` is put behind some of the later steps of
   * others that it depends on. Steps that have nothing to do with each other keep their order, since
   * swapping them leads to the same state.
   */
  *oneMore(from: number): Generator<Stall> {
    const { steps, before } = this;
    for (let at = Math.max(0, from - before); at < steps.length; at++) {
      const early = steps[at] as Step;
      let behind = 0;
      let last = -1;
      for (let next = at + 1; next < steps.length && behind < MOST_BEHIND; next++) {
        const late = steps[next] as Step;
        if (!this.dependent(early, late)) continue;
        behind++;
        const ns = late.time - early.time + 1;
        if (ns === last || !BEHIND.includes(behind)) continue;
        yield { step: before + at, ns };
        last = ns;
      }
    }
  }

  /** Two handlers that may touch the same object, or a CPU and a handler at its node, whose memory it reads. */
  private dependent(a: Step, b: Step): boolean {
    if (a.actor === b.actor) return false;
    if (a.node >= 0 && b.node >= 0) return a.node === b.node && (a.object === b.object || a.object * b.object === 0);
    if (a.node < 0 && b.node < 0) return a.cpu === b.cpu;
    const [handler, code] = a.node >= 0 ? [a, b] : [b, a];
    return handler.node === this.topology.nodeOf(code.cpu);
  }
}
