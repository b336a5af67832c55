import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { readCss } from '../../cgroup/handlers.js';
import type { Cpu } from '../../cpu.js';
import { rootMemcg } from '../../published-state.js';
import { defineHandler } from '../../registry.js';

const readParent = defineHandler(
  'memcg.parent',
  (node, args: { css: Handle }, context): Handle => node.memcg(args.css, context.step).counterParent,
);

/** Memory css of the live subdirectories of a cgroup. */
const childMemcgs = defineHandler('cgroup.childMemcgs', (node, args: { self: Handle }, context): Handle[] =>
  [...node.cgroup(args.self, context.step).subdirectories.values()].map(({ memory }) => memory),
);

/** parent_mem_cgroup: the memcg whose counters contain this one's; 0 at the top, and everywhere without use_hierarchy. */
export function* parentMemCgroup(css: Handle): Coroutine<Handle> {
  return yield* request(homeOf(css), readParent, { css }, css);
}

/** parent_mem_cgroup, or the root memcg where that is none: what takes over from a memcg that goes offline. */
export function* parentOrRoot(cpu: Cpu, css: Handle): Coroutine<Handle> {
  return (yield* call(parentMemCgroup, css)) || rootMemcg(cpu.published);
}

/** mem_cgroup_is_descendant. The caller must keep `css` from being freed meanwhile. */
export function* memCgroupIsDescendant(css: Handle, root: Handle): Coroutine<boolean> {
  for (let level = css; level !== 0; level = yield* call(parentMemCgroup, level)) if (level === root) return true;
  return false;
}

/** for_each_mem_cgroup_tree over what is online: the memcg and all below it, parents first. The caller holds the memcg. */
export function* memCgroupTree(css: Handle): Coroutine<Handle[]> {
  const tree = [css];
  const { self } = yield* request(homeOf(css), readCss, { css }, css);
  for (const child of yield* request(homeOf(self), childMemcgs, { self }, self)) {
    if ((yield* call(parentMemCgroup, child)) === css) tree.push(...(yield* call(memCgroupTree, child)));
  }
  return tree;
}
