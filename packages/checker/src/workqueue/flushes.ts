import { workqueues } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { workqueueRules } from './rules.js';
import type { WorkState } from './work-states.js';

interface Flush {
  /** Items up to this place must have finished when it returns. */
  readonly last: number;
  readonly begin: Step;
}

const FLUSHES_PER_CPU = 2 ** 32;

/** WQ-4: the order in which items join each workqueue, which of them are unfinished, and the flushes in progress. */
export class Flushes {
  private readonly places = new Float64Array(workqueues.length);
  /** Unfinished items by place, oldest first. */
  private readonly unfinished = workqueues.map(() => new Map<number, WorkState>());
  private readonly flushes = new Map<number, Flush>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  /** An item joins a pool. Answers with its place. */
  insert(queue: number, state: WorkState): number {
    const place = (this.places[queue] as number) + 1;
    this.places[queue] = place;
    this.unfinished[queue]?.set(place, state);
    return place;
  }

  finish(queue: number, place: number): void {
    this.unfinished[queue]?.delete(place);
  }

  begin(cpu: number, queue: number, number: number): void {
    const flush = { last: this.places[queue] as number, begin: this.view.where(cpu) };
    this.flushes.set(cpu * FLUSHES_PER_CPU + number, flush);
  }

  end(cpu: number, queue: number, number: number): void {
    const key = cpu * FLUSHES_PER_CPU + number;
    const flush = this.flushes.get(key);
    if (flush === undefined) return;
    this.flushes.delete(key);
    const [oldest] = this.unfinished[queue] ?? [];
    if (oldest === undefined || oldest[0] > flush.last) return;
    const name = workqueues[queue]?.name ?? '';
    const detail = 'flush_workqueue returns while an item queued before it is unfinished';
    const earlier = oldest[1].startedAt ?? oldest[1].queuedAt ?? flush.begin;
    this.reporter.broken(workqueueRules.flush, name, earlier, this.view.where(cpu), detail);
  }
}
