import type { EventQueue } from './event-queue.js';
import { EventKind, type SimEvent } from './events.js';

/** Decides which pending event happens next. Events of one channel always happen in the order of their arrival times. */
export interface Strategy {
  /** The event, at the queue's `time`; undefined if there is none. */
  next(queue: EventQueue<SimEvent>): SimEvent | undefined;
}

/** The cost model's order: for measurement. */
export const timeOrder: Strategy = { next: (queue) => queue.pop() };

/** At the event number `step` of a schedule, whoever would act is put off by `ns` of model time. */
export interface Stall {
  readonly step: number;
  readonly ns: number;
}

/** A place in a schedule: events and labelled preemption points before it. */
export interface Place {
  readonly step: number;
  readonly point: number;
}

export const BEGINNING: Place = { step: 0, point: 0 };

/** What a decider knows of the event that would happen next. */
export interface NextStep {
  /** Events that have happened before in this schedule. */
  readonly step: number;
  /** Who would act: see {@link actorOf}. */
  readonly actor: number;
  /** Labelled preemption points passed before in this schedule. */
  readonly points: number;
  /** The actor is at such a point. */
  readonly atPoint: boolean;
}

/** By how many ns to put off who would act next; 0 for not at all. Asked once for each step. */
export interface Decider {
  (next: NextStep): number;
  /** Nobody is late at a step before this one, nor at a point before this one; anybody at any time if absent. */
  readonly earliest?: Place;
}

/** Those of a CPU. */
const ACTORS = 2;

/** A CPU's code and what it asks for, or the interrupts and timers on their way to it, can be late by themselves. */
export const actorOf = (event: SimEvent): number =>
  ACTORS * event.cpu + Number(event.kind === EventKind.doorbell || event.kind === EventKind.timer);

/**
 * The cost model's order, except that some CPUs are late now and then, as if the memory, the interrupt controller or a
 * hypervisor had made them wait. Which schedule it is follows from the stalls alone, so that few stalls describe it.
 */
export class StallOrder implements Strategy {
  /** Made so far. */
  readonly stalls: Stall[] = [];
  /** Events and labelled points so far. */
  step: number;
  points: number;
  /** Until when each actor has to wait, ns. */
  private readonly actorFree: Float64Array;
  /** By channel, the late event and what has arrived behind it; only the first of them is in the queue. */
  private readonly held = new Map<number, SimEvent[]>();
  private readonly about = { step: 0, actor: 0, points: 0, atPoint: false };
  private decided = -1;

  /**
   * @param cpus how many there are
   * @param atPoint the CPU's code is at a labelled preemption point
   * @param place where the order begins in its schedule
   */
  constructor(
    private readonly decide: Decider,
    cpus: number,
    private readonly atPoint: (cpu: number) => boolean,
    { step, point }: Place = BEGINNING,
  ) {
    this.actorFree = new Float64Array(ACTORS * cpus);
    this.step = step;
    this.points = point;
  }

  next(queue: EventQueue<SimEvent>): SimEvent | undefined {
    for (;;) {
      const event = queue.pop();
      if (event === undefined) return undefined;
      const { time } = queue;
      const held = this.held.size === 0 ? undefined : this.held.get(event.channel);
      if (held !== undefined && held[0] !== event) {
        held.push(event);
        continue;
      }
      const actor = actorOf(event);
      if (this.step !== this.decided) this.consider(event, time, actor);
      const free = this.actorFree[actor] as number;
      if (free > time) {
        if (held === undefined) this.held.set(event.channel, [event]);
        queue.push(free, event);
        continue;
      }
      if (held !== undefined) this.release(event.channel, held, time, queue);
      if (event.kind === EventKind.workDone && this.atPoint(event.cpu)) this.points++;
      this.step++;
      return event;
    }
  }

  /** The first of these happens now, the next may follow. */
  private release(channel: number, held: SimEvent[], time: number, queue: EventQueue<SimEvent>): void {
    held.shift();
    const next = held[0];
    if (next === undefined) this.held.delete(channel);
    else queue.push(time, next);
  }

  /** Whether to stall who would act now, once for each step. */
  private consider(event: SimEvent, time: number, actor: number): void {
    const { about, step, points } = this;
    this.decided = step;
    about.step = step;
    about.actor = actor;
    about.points = points;
    about.atPoint = event.kind === EventKind.workDone && this.atPoint(event.cpu);
    const ns = this.decide(about);
    if (ns === 0) return;
    this.stalls.push({ step, ns });
    this.actorFree[actor] = time + ns;
  }
}
