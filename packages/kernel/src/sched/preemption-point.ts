import { type Coroutine, type Handle, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';

/**
 * Stretch one narrow window on one CPU, to see what falls into it: the CPU stays at the labelled point, in whatever
 * interrupt state the code there has, until what it looked at has changed or `maxNs` have passed, then `tailNs` more.
 */
export interface Stretch {
  readonly label: string;
  readonly cpu: number;
  /** Only where the code works on this root cache. */
  readonly cache: string;
  readonly maxNs: number;
  readonly tailNs: number;
  /** Stretches still to come; a stretch in which nothing changed is not counted. */
  times: number;
}

const POLL_NS = 5000;

/**
 * A labelled window of spec/experiments.md. Cheap when nothing is stretched: callers ask `cpu.stretches` first.
 * `changed` tells whether what the code has just read is out of date.
 */
export function* preemptionPoint(cpu: Cpu, label: string, cache: Handle, changed: () => boolean): Coroutine<void> {
  const stretch = cpu.stretches?.find(
    (s) => s.times > 0 && s.cpu === cpu.id && s.label === label && cpu.published.roots.get(s.cache) === cache,
  );
  if (stretch === undefined) return;
  for (let spent = 0; spent < stretch.maxNs; spent += POLL_NS) {
    yield* work(POLL_NS);
    if (!changed()) continue;
    stretch.times--;
    for (let tail = 0; tail < stretch.tailNs; tail += POLL_NS) yield* work(POLL_NS);
    return;
  }
}
