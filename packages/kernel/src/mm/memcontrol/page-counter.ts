import { type Coroutine, type Handle, homeOf, request } from '@kmemlab/machine';
import { defineHandler } from '../../registry.js';
import type { CounterName } from './types.js';

interface CounterStep {
  readonly ok: boolean;
  /** Next counter up the hierarchy, 0 at the top. */
  readonly parent: Handle;
}

/** page_counter_try_charge at one level. */
export const tryChargeLevel = defineHandler(
  'pageCounter.tryCharge',
  (node, args: { css: Handle; counter: CounterName; pages: number }, context): CounterStep => {
    const memcg = node.memcg(args.css, context.step);
    const counter = memcg.counters[args.counter];
    if (counter.usage + args.pages > counter.limit) {
      counter.failures++;
      return { ok: false, parent: 0 };
    }
    counter.usage += args.pages;
    counter.max = Math.max(counter.max, counter.usage);
    return { ok: true, parent: memcg.counterParent };
  },
);

/** page_counter_cancel at one level; answers with the next counter up. A counter below zero is a warning (WARN_ON_ONCE). */
export const unchargeLevel = defineHandler(
  'pageCounter.uncharge',
  (node, args: { css: Handle; counter: CounterName; pages: number }, context): Handle => {
    const memcg = node.memcg(args.css, context.step);
    const counter = memcg.counters[args.counter];
    counter.usage -= args.pages;
    if (counter.usage < 0) node.counters.add('page_counter_underflow');
    return memcg.counterParent;
  },
);

const readMargin = defineHandler('pageCounter.margin', (node, args: { css: Handle }, context): number => {
  const { usage, limit } = node.memcg(args.css, context.step).counters.memory;
  return limit - usage;
});

/** page_counter_try_charge: every level or none. Evaluates to the css whose limit forbids it (mem_over_limit), or 0. */
export function* pageCounterTryCharge(css: Handle, counter: CounterName, pages: number): Coroutine<Handle> {
  const charged: Handle[] = [];
  for (let level = css; level !== 0; ) {
    const { ok, parent } = yield* request(homeOf(level), tryChargeLevel, { css: level, counter, pages }, level);
    if (!ok) {
      for (const below of charged) yield* request(homeOf(below), unchargeLevel, { css: below, counter, pages }, below);
      return level;
    }
    charged.push(level);
    level = parent;
  }
  return 0;
}

/** page_counter_uncharge: every level. */
export function* pageCounterUncharge(css: Handle, counter: CounterName, pages: number): Coroutine<void> {
  for (let level = css; level !== 0; ) {
    level = yield* request(homeOf(level), unchargeLevel, { css: level, counter, pages }, level);
  }
}

/** mem_cgroup_margin (4.10): pages that may still be charged to this memcg's memory counter. */
export function* memCgroupMargin(css: Handle): Coroutine<number> {
  return yield* request(homeOf(css), readMargin, { css }, css);
}
