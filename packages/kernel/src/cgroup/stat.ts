import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import { readCss } from './handlers.js';

/** Changes of the numbers of cgroups below a cgroup. */
interface Change {
  readonly live: number;
  readonly dying: number;
}

/** One ancestor; answers with the next. */
const addBelow = defineHandler('cgroup.addBelow', (node, args: { self: Handle } & Change, context): Handle => {
  const { below } = node.cgroup(args.self, context.step);
  below.live += args.live;
  below.dying += args.dying;
  return node.csses.get(args.self, context.step).parent;
});

const readBelow = defineHandler(
  'cgroup.readBelow',
  (node, args: { self: Handle }, context): Change => ({ ...node.cgroup(args.self, context.step).below }),
);

/** nr_descendants and nr_dying_descendants of a cgroup and all above it; on the v2 hierarchy only. Caller holds cgroup_mutex. */
export function* countBelow(cpu: Cpu, self: Handle, change: Change): Coroutine<void> {
  if (cpu.build.config.cgroup !== 'v2') return;
  for (let cgroup = self; cgroup !== 0; ) {
    cgroup = yield* request(homeOf(cgroup), addBelow, { self: cgroup, ...change }, cgroup);
  }
}

/** A removed cgroup's own css is released: it is no dying descendant any more. */
export function* forgetDying(cpu: Cpu, css: Handle): Coroutine<void> {
  if (cpu.build.config.cgroup !== 'v2') return;
  const { isMemory, parent } = yield* request(homeOf(css), readCss, { css }, css);
  if (!isMemory) yield* call(countBelow, cpu, parent, { live: 0, dying: -1 });
}

/** cgroup_stat_show (4.14 and later). */
export function* cgroupStat(self: Handle): Coroutine<string> {
  const { live, dying } = yield* request(homeOf(self), readBelow, { self }, self);
  return `nr_descendants ${live}\nnr_dying_descendants ${dying}\n`;
}
