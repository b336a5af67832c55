import { type Coroutine, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { EBUSY, EINVAL } from '../../fs/types.js';
import { CssField } from '../../published-state.js';
import { defineHandler } from '../../registry.js';

export const readUseHierarchy = defineHandler(
  'memcg.readUseHierarchy',
  (node, args: { css: Handle }, context): boolean => node.memcg(args.css, context.step).useHierarchy,
);

const setUseHierarchy = defineHandler(
  'memcg.setUseHierarchy',
  (node, args: { css: Handle; value: boolean }, context): void => {
    node.memcg(args.css, context.step).useHierarchy = args.value;
  },
);

const hasChild = defineHandler('memcg.hasChild', (node, args: { css: Handle }): boolean => {
  for (const [, { parent }] of node.csses.entries()) if (parent === args.css) return true;
  return false;
});

/**
 * mem_cgroup_hierarchy_write (4.10): counters of children made from now on are part of this memcg's, or stand alone. Only
 * while it has no children, dying ones included, and its parent does not use hierarchy itself. Evaluates to 0 or an errno.
 */
export function* memCgroupHierarchyWrite(cpu: Cpu, css: Handle, value: number): Coroutine<number> {
  const { csses } = cpu.published;
  if (Number(yield* request(homeOf(css), readUseHierarchy, { css }, css)) === value) return 0;
  const parent = csses.read(css, CssField.parent);
  const inherited = parent !== 0 && (yield* request(homeOf(parent), readUseHierarchy, { css: parent }, parent));
  if (inherited || (value !== 0 && value !== 1)) return EINVAL;
  if ((yield* requestAll(cpu.allNodes, hasChild, { css })).includes(true)) return EBUSY;
  yield* request(homeOf(css), setUseHierarchy, { css, value: value === 1 }, css);
  return 0;
}
