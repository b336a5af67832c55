import type { Timeline } from '@kmemlab/results';
import type { PhaseRecord } from './phase-record.js';
import type { Reading } from './reading.js';

/** With so many moments every second one is dropped. */
const MOST_MOMENTS = 200;

/** Sums that a moment is made of. */
export const TIMELINE_SUMS = [
  'ipi.sameNode',
  'ipi.crossNode',
  'rcu_grace_periods',
  'rcu_barrier.executed',
  'memcg_removed',
  'memcg_freed',
  'caches_created',
  'caches_destroyed',
] as const;

type Moment = Pick<Reading, 'modelNs' | 'sums'>;

/** Follows a machine from its boot on, in moments that get rarer as the run gets longer. */
export class TimelineRecorder {
  private moments: Moment[] = [];
  private offered = 0;
  private every = 1;

  /** A moment that may be kept; it is read only if it is. */
  offer(read: () => Moment): void {
    if (this.offered++ % this.every !== 0) return;
    this.moments.push(read());
    if (this.moments.length < MOST_MOMENTS) return;
    this.moments = this.moments.filter((_, n) => n % 2 === 0);
    this.every *= 2;
    this.offered = 0;
  }

  /** All that is kept between the end of the boot and now; undefined before. */
  timeline([boot, ...later]: readonly PhaseRecord[], now: Moment): Timeline | undefined {
    if (boot === undefined) return undefined;
    const from = boot.to;
    const all = [from, ...this.moments, ...later.map(({ to }) => to), now]
      .filter(({ modelNs }) => modelNs >= from.modelNs)
      .sort((a, b) => a.modelNs - b.modelNs)
      .filter(({ modelNs }, n, sorted) => modelNs !== sorted[n + 1]?.modelNs);
    const value = (name: string, { sums }: Moment): number => sums[name] ?? 0;
    const since = (...names: readonly string[]): number[] =>
      all.map((at) => names.reduce((sum, name) => sum + value(name, at) - value(name, from), 0));
    const remaining = (more: string, less: string): number[] => all.map((at) => value(more, at) - value(less, at));
    return {
      ns: all.map(({ modelNs }) => modelNs - from.modelNs),
      ipis: since('ipi.sameNode', 'ipi.crossNode'),
      gracePeriods: since('rcu_grace_periods'),
      barriers: since('rcu_barrier.executed'),
      dying: remaining('memcg_removed', 'memcg_freed'),
      caches: remaining('caches_created', 'caches_destroyed'),
    };
  }
}
