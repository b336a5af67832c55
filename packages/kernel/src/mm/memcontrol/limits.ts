import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { EBUSY } from '../../fs/types.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { defineHandler } from '../../registry.js';
import { PAGE_SIZE } from '../page.js';
import { type CounterName, UNLIMITED } from './types.js';

// Whoever needs it for limits loads this module with it: handlers are numbered in the order in which modules load, and digests follow.
export { PAGE_SIZE };

/** How a version counts and how its limit files are written. */
export interface LimitOperations {
  /** Bytes that one unit of a counter stands for. */
  readonly unit: number;
  /** Units of a limit as it is written; null if it is no number. */
  readonly parse: (text: string) => number | null;
  /** What the file shows, in bytes. */
  readonly show: (limit: number) => string;
  /** Set the limit of a memcg that is not the root. Evaluates to 0 or an errno. Process context. */
  readonly set: (cpu: Cpu, css: Handle, counter: CounterName, limit: number) => Coroutine<number>;
}

/** Answers false if more is used than that. */
export const setLimit = defineHandler(
  'pageCounter.setLimit',
  (node, args: { css: Handle; counter: CounterName; limit: number }, context): boolean => {
    const counter = node.memcg(args.css, context.step).counters[args.counter];
    if (counter.usage > args.limit) return false;
    counter.limit = args.limit;
    return true;
  },
);

/** Suffixes that memparse knows, each 1024 times the one before. */
const UNITS = 'kmgtpe';

/** memparse: a decimal number of bytes with an optional suffix from K to E; −1 is no limit, null no number. */
export function parseBytes(text: string): number | null {
  const [, number, suffix = ''] = /^(-1$|\d+)([kmgtpe]?)$/i.exec(text.trim()) ?? [];
  if (number === undefined) return null;
  if (number === '-1') return Number.POSITIVE_INFINITY;
  const unit = suffix === '' ? 1 : 1024 ** (UNITS.indexOf(suffix.toLowerCase()) + 1);
  return Number(number) * unit;
}

/** page_counter_memparse: in pages, rounded down. */
export function parseLimit(text: string): number | null {
  const bytes = parseBytes(text);
  return bytes === null ? null : Math.min(UNLIMITED, Math.floor(bytes / PAGE_SIZE));
}

/** mem_cgroup_resize_limit (4.10): under memcg_limit_mutex. */
export function* resizeLimit(cpu: Cpu, css: Handle, counter: CounterName, limit: number): Coroutine<number> {
  yield* call(mutexLock, cpu, 'memcg_limit_mutex');
  const ok = yield* request(homeOf(css), setLimit, { css, counter, limit }, css);
  yield* call(mutexUnlock, cpu, 'memcg_limit_mutex');
  return ok ? 0 : EBUSY;
}

/** page_counter: pages (4.10). */
export const pageLimits: LimitOperations = {
  unit: PAGE_SIZE,
  parse: parseLimit,
  show: (pages) => String(BigInt(pages) * BigInt(PAGE_SIZE)),
  set: resizeLimit,
};
