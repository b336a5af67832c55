import type { Vmpressure } from '../vmpressure.js';
import type { LruvecStats } from './lruvec-stats.js';

/** What reclaim and statistics keep in a memcg. */
export interface MemcgVm {
  readonly pressure: Vmpressure;
  readonly slab: LruvecStats;
}

export const newMemcgVm = (): MemcgVm => ({
  pressure: { scanned: 0, reclaimed: 0, pending: false },
  slab: { local: [], recursive: [] },
});
