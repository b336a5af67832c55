import { type Coroutine, type Handle, homeOf, request } from '@kmemlab/machine';
import { defineHandler, defineSection } from '../../registry.js';
import { PAGE_SIZE, parseBytes } from './limits.js';
import { type CounterName, UNLIMITED } from './types.js';

/*
 * kernel/res_counter.c (3.14): usage in bytes, a spinlock for each level. A charge goes up through the parents, which exist
 * with use_hierarchy only; each level is a section of its own, with interrupts off.
 */

interface LevelArgs {
  readonly css: Handle;
  readonly counter: CounterName;
  readonly bytes: number;
}

const chargeLevel = defineSection(
  'res_counter_lock',
  'resCounter.charge',
  (node, { css, counter, bytes }: LevelArgs, context): { ok: boolean; parent: Handle } => {
    const { counters, counterParent } = node.memcg(css, context.step);
    const { usage, limit, max, failures } = counters[counter];
    if (usage + bytes > limit) {
      counters[counter].failures = failures + 1;
      return { ok: false, parent: 0 };
    }
    counters[counter].usage = usage + bytes;
    counters[counter].max = Math.max(max, usage + bytes);
    return { ok: true, parent: counterParent };
  },
);

export const unchargeLevel = defineSection(
  'res_counter_lock',
  'resCounter.uncharge',
  (node, { css, counter, bytes }: LevelArgs, context): { usage: number; parent: Handle } => {
    const { counters, counterParent } = node.memcg(css, context.step);
    counters[counter].usage -= bytes;
    return { usage: counters[counter].usage, parent: counterParent };
  },
);

const readUsage = defineHandler(
  'resCounter.usage',
  (node, args: { css: Handle; counter: CounterName }, context): number =>
    node.memcg(args.css, context.step).counters[args.counter].usage,
);

/** res_counter_charge: every level or none. Evaluates to false if a limit forbids it. @param bytes a multiple of the page size */
export function* resCounterCharge(css: Handle, counter: CounterName, bytes: number): Coroutine<boolean> {
  const charged: Handle[] = [];
  for (let level = css; level !== 0; ) {
    const { ok, parent } = yield* request(homeOf(level), chargeLevel, { css: level, counter, bytes }, level);
    if (!ok) {
      for (const below of charged) yield* request(homeOf(below), unchargeLevel, { css: below, counter, bytes }, below);
      return false;
    }
    charged.push(level);
    level = parent;
  }
  return true;
}

/** res_counter_uncharge: every level. Evaluates to what the lowest level has left, bytes. */
export function* resCounterUncharge(css: Handle, counter: CounterName, bytes: number): Coroutine<number> {
  let left = 0;
  for (let level = css; level !== 0; ) {
    const { usage, parent } = yield* request(homeOf(level), unchargeLevel, { css: level, counter, bytes }, level);
    if (level === css) left = usage;
    level = parent;
  }
  return left;
}

/** res_counter_read_u64 of the usage, bytes. */
export function* resCounterUsage(css: Handle, counter: CounterName): Coroutine<number> {
  return yield* request(homeOf(css), readUsage, { css, counter }, css);
}

/** res_counter_memparse_write_strategy: in bytes, rounded up to pages; null if it is no number. */
export function parseByteLimit(text: string): number | null {
  const bytes = parseBytes(text);
  return bytes === null ? null : Math.min(UNLIMITED, Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE);
}

/** RES_COUNTER_MAX is the largest 64-bit number. */
export const showByteLimit = (limit: number): string => (limit === UNLIMITED ? '18446744073709551615' : String(limit));
