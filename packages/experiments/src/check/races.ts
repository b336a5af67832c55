import type { Topology } from '@kmemlab/machine';
import { actorOf, EventKind, type SimEvent, type Stall } from '@kmemlab/machine-sim';

/** Behind how many of the later steps that it depends on a step is put: the farther, the coarser. */
const BEHIND: readonly number[] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const MOST_BEHIND = 64;

interface Step {
  readonly time: number;
  readonly actor: number;
  /** On which it runs, or for which. */
  readonly cpu: number;
  /** Node of a handler, −1 for the code of a CPU. */
  readonly node: number;
  /** CPUs at which it is seen: that of its code, and others at which it makes something happen. */
  readonly seenBy: number[];
}

/** The steps of one schedule, to see which of them could have come in another order. */
export class Races {
  private readonly steps: Step[] = [];
  /** Steps that brought events about which have not happened yet. */
  private readonly causes = new Map<SimEvent, Step>();

  /** @param before steps of the schedule that were before the first noted */
  constructor(
    private readonly topology: Topology,
    private readonly before = 0,
  ) {}

  readonly note = (event: SimEvent, time: number): void => {
    const { cpu } = event;
    const node = event.kind === EventKind.message ? event.body.node : -1;
    const cause = this.causes.get(event);
    this.causes.delete(event);
    if (cause !== undefined && node < 0 && cause.cpu !== cpu) cause.seenBy.push(cpu);
    this.steps.push({ time, actor: actorOf(event), cpu, node, seenBy: node < 0 ? [cpu] : [] });
  };

  /** The step noted last brings an event about; one that is put off was brought about before. */
  readonly sent = (event: SimEvent): void => {
    const step = this.steps.at(-1);
    if (step !== undefined && !this.causes.has(event)) this.causes.set(event, step);
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

  /**
   * Two handlers at one node, a CPU and a handler at its node, whose memory it reads, or two steps that are seen by the same
   * CPU. Which object of the node a handler works on makes no difference: pages of a cache share its lists.
   */
  private dependent(a: Step, b: Step): boolean {
    if (a.actor === b.actor) return false;
    const handles = a.node >= 0 || b.node >= 0;
    if (handles && this.nodeOf(a) === this.nodeOf(b)) return true;
    return a.seenBy.some((cpu) => b.seenBy.includes(cpu));
  }

  private nodeOf({ node, cpu }: Step): number {
    return node >= 0 ? node : this.topology.nodeOf(cpu);
  }
}
