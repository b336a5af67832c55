import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { rootMemcg } from '../../published-state.js';
import { defineHandler } from '../../registry.js';

const readCounterParent = defineHandler(
  'memcg.counterParent',
  (node, args: { css: Handle }, context): Handle => node.memcg(args.css, context.step).counterParent,
);

/** parent_mem_cgroup: the memcg whose counters contain this one's; 0 without use_hierarchy, and for the root. */
export function* parentMemCgroup(css: Handle): Coroutine<Handle> {
  return yield* request(homeOf(css), readCounterParent, { css }, css);
}

/** Who takes over what a dying memcg leaves: its parent, or without use_hierarchy the root. */
export function* heirOf(cpu: Cpu, css: Handle): Coroutine<Handle> {
  return (yield* call(parentMemCgroup, css)) || rootMemcg(cpu.published);
}
