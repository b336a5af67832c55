import type { Coroutine, Handle } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { PolicyWord } from '../policy-words.js';
import { PAGE_SIZE } from './page.js';
import type { PressureLevel } from './vmpressure.js';

/** Decisions about reclaim and memcg statistics in which kernels differ. */
export interface ReclaimPolicies {
  /** The stocks of a memcg are drained when it goes offline (5.2 and later); the drain may be skipped, see drainAllStock. */
  drainStockAtOffline: boolean;
  /** What slab statistics count: pages of caches that belong to a memcg, or bytes of objects that it pays for (5.9). */
  slabUnit: PolicyWord<'reclaim.slabUnit'>;
  /** Slab pages or bytes that a CPU's lruvec counter holds back; without limit where readers add up all CPUs (to 4.12). */
  statBatch: number;
  /** Each memcg counts its slab pages per node (from 4.x on; not 3.14). */
  slabStatistics: boolean;
  /** Pressure at a memcg (vmpressure_event): evaluates to true if somebody was told, so that no ancestor is. */
  onPressure: (cpu: Cpu, memcg: Handle, level: PressureLevel) => Coroutine<boolean>;
  /** A task can have its allocations charged to another memcg (memalloc_use_memcg, 4.19 and later). */
  remoteCharging: boolean;
  /** A memcg's own counters go down to 0 before it is freed; from 5.3 on ancestors take its charges over. */
  chargesEndWithMemcg: boolean;
}

/** A listener there is none. */
// biome-ignore lint/correctness/useYield: a listener may do anything
function* nobodyListens(): Coroutine<boolean> {
  return false;
}

/** 4.10 and 4.12. */
export const reclaim410 = (): ReclaimPolicies => ({
  drainStockAtOffline: false,
  slabStatistics: true,
  slabUnit: 'pages',
  statBatch: Number.POSITIVE_INFINITY,
  onPressure: nobodyListens,
  remoteCharging: false,
  chargesEndWithMemcg: true,
});

/** MEMCG_CHARGE_BATCH */
const BATCH = 32;

/** 5.2; 5.3 and 5.9 add that charges outlive their memcg. */
export const reclaim52 = (): ReclaimPolicies => ({
  ...reclaim410(),
  drainStockAtOffline: true,
  statBatch: BATCH,
  remoteCharging: true,
});

/** 5.9 on what is in force before: objects count by bytes, and a CPU holds back as many as fill its batch of pages. */
export const byBytes = (before: ReclaimPolicies): ReclaimPolicies => ({
  ...before,
  slabUnit: 'bytes',
  statBatch: BATCH * PAGE_SIZE,
});
