import type { Handle } from '@kmemlab/machine';
import { type Memcg, newCounter } from '../mm/memcontrol/types.js';
import { newMemcgVm } from '../mm/memcontrol/vm.js';
import { exitRef, PercpuRef } from '../percpu-ref/percpu-ref.js';
import { CssField } from '../published-state.js';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';
import type { CssPair } from './types.js';

/** What css_alloc is told. */
interface NewCgroup {
  readonly name: string;
  readonly parent: CssPair;
  readonly serial: number;
  readonly counterParent: Handle;
  readonly useHierarchy: boolean;
  /** Who pays for the memcg's percpu statistics (5.9), 0 for nobody. */
  readonly statisticsOwner: Handle;
  /** The memcg's list of caches is initialised here; 3.14 does so later. */
  readonly cacheListReady: boolean;
}

const newFiles = () => ({ active: 0, deactivated: false, drainer: 0 });

/** css_alloc of the cgroup's own and its memory css; neither is online yet. */
export const allocateCgroup = defineHandler('cgroup.allocate', (node, args: NewCgroup): CssPair => {
  const cgroup = {
    memory: 0,
    tasks: 0,
    subdirectories: new Map(),
    dead: false,
    files: newFiles(),
    below: { live: 0, dying: 0 },
  };
  const common = { name: args.name, onlineCount: 1 };
  const self = node.csses.allocate({
    ...common,
    self: 0,
    parent: args.parent.self,
    ref: new PercpuRef(),
    memcg: null,
    cgroup,
  });
  const counters = { memory: newCounter(), kmem: newCounter() };
  const { counterParent, serial, useHierarchy, statisticsOwner, cacheListReady } = args;
  const memcg: Memcg = {
    kmemState: 'none',
    kmemcgId: -1,
    slabCaches: [],
    cacheListReady,
    hasAdopted: false,
    kmemDead: false,
    serial,
    counters,
    counterParent,
    useHierarchy,
    vm: newMemcgVm(),
    inherited: new Set(),
    statisticsOwner,
  };
  const memory = node.csses.allocate({
    ...common,
    self,
    parent: args.parent.memory,
    ref: new PercpuRef(),
    memcg,
    cgroup: null,
  });
  cgroup.memory = memory;
  const own = node.csses.peek(self);
  if (own !== undefined) own.self = self;
  return { self, memory };
});

/** Make a css readable on every node. */
export const publishCss = defineHandler('css.publish', (node, args: { css: Handle; parent: Handle }): void => {
  node.percpuRefs.css.publish(args.css);
  node.published.csses.publish(args.css);
  node.published.csses.write(args.css, CssField.parent, args.parent);
});

/** Add to the number of online css below (and including) this one; answers with the new number. */
export const adjustOnline = defineHandler(
  'css.adjustOnline',
  (node, args: { css: Handle; by: number }, context): number => {
    const css = node.csses.get(args.css, context.step);
    css.onlineCount += args.by;
    return css.onlineCount;
  },
);

export const adjustTasks = defineHandler(
  'cgroup.adjustTasks',
  (node, args: { self: Handle; by: number }, context): void => {
    node.cgroup(args.self, context.step).tasks += args.by;
  },
);

/** kernfs: a new subdirectory becomes visible. */
export const addSubdirectory = defineHandler(
  'cgroup.addSubdirectory',
  (node, args: { self: Handle; name: string; pair: CssPair }, context): void => {
    node.cgroup(args.self, context.step).subdirectories.set(args.name, args.pair);
  },
);

export const removeSubdirectory = defineHandler(
  'cgroup.removeSubdirectory',
  (node, args: { self: Handle; name: string }, context): void => {
    node.cgroup(args.self, context.step).subdirectories.delete(args.name);
  },
);

/** kernfs_find_ns: the cgroup of a subdirectory, null if there is none of this name. */
export const findSubdirectory = defineHandler(
  'cgroup.findSubdirectory',
  (node, args: { self: Handle; name: string }, context): CssPair | null =>
    node.cgroup(args.self, context.step).subdirectories.get(args.name) ?? null,
);

/**
 * cgroup_kn_lock_live, once cgroup_mutex is held: false if the cgroup was removed meanwhile. Whoever asks came by a kernfs
 * node, which may outlive the cgroup.
 */
export const isLive = defineHandler(
  'cgroup.isLive',
  (node, args: { self: Handle }): boolean => node.csses.peek(args.self)?.cgroup?.dead === false,
);

/** What removal needs to know of a live cgroup; marks it dead if nothing keeps it. */
export const markDead = defineHandler(
  'cgroup.markDead',
  (node, args: { self: Handle }, context): { busy: boolean; memory: Handle } => {
    const cgroup = node.cgroup(args.self, context.step);
    const busy = cgroup.tasks > 0 || cgroup.subdirectories.size > 0;
    if (!busy) {
      cgroup.dead = true;
      node.dyingMemcgs++;
      node.counters.add('memcg_removed');
    }
    return { busy, memory: cgroup.memory };
  },
);

export const readCss = defineHandler(
  'css.read',
  (node, args: { css: Handle }, context): { parent: Handle; self: Handle; dead: boolean; isMemory: boolean } => {
    const css = node.csses.get(args.css, context.step);
    return { parent: css.parent, self: css.self, dead: css.ref.dead, isMemory: css.memcg !== null };
  },
);

export const withdrawCss = defineHandler('css.withdraw', (node, args: { css: Handle }): void => {
  node.published.csses.withdraw(args.css);
  node.lruvecs.drop(args.css);
});

export const releaseCss = defineHandler('css.free', (node, args: { css: Handle }, context): void => {
  node.trace(Trace.cssFree, context.cpu, args.css, 0, 0, 0);
  exitRef(node, 'css', args.css, context);
  const { memcg } = node.csses.release(args.css, context.step());
  if (memcg === null) return;
  node.dyingMemcgs--;
  node.counters.add('memcg_freed');
  node.idHeirs.forget(memcg.kmemcgId, args.css);
});

/** num_cgroups of the hierarchy, as /proc/cgroups shows it: dying cgroups count until they are freed. */
export const countCgroups = defineHandler('cgroup.count', (node, args: { by: number }): number => {
  node.cgroupCount += args.by;
  return node.cgroupCount;
});
