import { type Handle, makeObject, type ObjectRef, pageOf, type Step, slotOf } from '@kmemlab/machine';
import type { KernelNode } from '../../node.js';
import { CacheField } from '../../published-state.js';
import { defineHandler, defineSection } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import type { DetachedSlab, SlabPage } from '../slab/types.js';
import type { SlubCacheNode } from './cache-node.js';

/*
 * Atomic operations on one slab: its free list and counters change together (cmpxchg_double), at its home. Where the kernel
 * holds the node's list_lock around the operation, the section is one handler. Source: mm/slub.c 4.10.
 */

/** Retention as a version has it: an empty slab stays while its node has fewer partial slabs than min_partial, in 3.14 not more. */
export interface Retention {
  readonly keepsOneMore: boolean;
}

/** An empty slab is to be discarded: the node has enough partial slabs without it. */
function isSurplus(node: KernelNode, lists: SlubCacheNode, { keepsOneMore }: Retention): boolean {
  const least = node.published.caches.read(lists.cache, CacheField.minPartial) + Number(keepsOneMore);
  return lists.nrPartial >= least;
}

/** allocate_slab, then inc_slabs_node: the pages become a frozen slab of which nobody else knows, all its objects taken. */
export const makeSlab = defineHandler(
  'slub.makeSlab',
  (node, args: { cache: Handle; page: Handle; memcg: Handle; num: number }, context): ObjectRef[] => {
    const { cache, page, memcg, num } = args;
    const record = node.pages.get(page, context.step);
    const lists = node.slubNode(cache, context.step);
    Object.assign(record, { cache, memcg, num, active: num, free: [], list: 'frozen' } satisfies Partial<SlabPage>);
    lists.slabs++;
    lists.objects += num;
    node.trace(Trace.slabAdd, context.cpu, page, cache, num, 0);
    return Array.from({ length: num }, (_, slot) => makeObject(page, num - 1 - slot));
  },
);

/** Take all free objects of a slab that this CPU owns; if there are none, the slab is full and nobody's. */
export const getFreelist = defineHandler('slub.getFreelist', (node, args: { page: Handle }, context): ObjectRef[] => {
  const record = node.pages.get(args.page, context.step);
  const objects = takeAll(args.page, record);
  if (objects.length === 0) record.list = 'full';
  return objects;
});

function takeAll(page: Handle, record: SlabPage): ObjectRef[] {
  const objects = record.free.splice(0).map((slot) => makeObject(page, slot));
  record.active = record.num;
  return objects;
}

/** What became of a slab that an object was freed to. */
export type Freed =
  /** Its owner will find the object. */
  | { readonly to: 'owner' }
  /** It was full: the freeing CPU owns it now and puts it on its partial list. */
  | { readonly to: 'freer'; readonly free: number }
  | { readonly to: 'node' }
  /** It is empty, and off its node. */
  | { readonly to: 'discard'; readonly slab: DetachedSlab };

/** __slab_free: one object to the slab's own free list, under list_lock if the slab may have to leave its node. */
export const slabFreeTo = defineHandler(
  'slub.free',
  (node, args: { object: ObjectRef; retention: Retention }, context): Freed => {
    const page = pageOf(args.object);
    const record = node.pages.get(page, context.step);
    record.free.push(slotOf(args.object));
    record.active--;
    if (record.list === 'frozen') return { to: 'owner' };
    if (record.list === 'full') {
      record.list = 'frozen';
      return { to: 'freer', free: record.free.length };
    }
    const lists = node.slubNode(record.cache, context.step);
    if (record.active > 0 || !isSurplus(node, lists, args.retention)) return { to: 'node' };
    return { to: 'discard', slab: lists.detach(page, record) };
  },
);

/**
 * deactivate_slab, first stage: the CPU's private objects of a frozen slab go back to the slab, one atomic operation each.
 * They cannot be told from one another by anybody, so they are one message.
 */
export const giveBack = defineHandler(
  'slub.giveBack',
  (node, args: { page: Handle; objects: ObjectRef[] }, context): void => {
    const record = node.pages.get(args.page, context.step);
    context.charge(args.objects.length * node.costs['slab.object']);
    record.free.push(...args.objects.map(slotOf));
    record.active -= args.objects.length;
  },
);

interface Deactivation {
  readonly cache: Handle;
  readonly page: Handle;
  /** Where among the partial slabs: at the end, if other CPUs have freed to the slab. */
  readonly tail: boolean;
  readonly retention: Retention;
}

/** deactivate_slab, second stage, under list_lock: the slab is nobody's from here on. Answers with it if it is to be discarded. */
export const unfreeze = defineSection(
  'list_lock',
  'slub.unfreeze',
  (node, { cache, page, tail, retention }: Deactivation, context): DetachedSlab | null =>
    file(node, node.slubNode(cache, context.step), page, tail, retention, context.step),
);

/** unfreeze_partials for consecutive slabs of one node, under its list_lock. Answers with those to be discarded. */
export const unfreezePartials = defineSection(
  'list_lock',
  'slub.unfreezePartials',
  (node, args: { cache: Handle; pages: Handle[]; retention: Retention }, context): DetachedSlab[] => {
    const lists = node.slubNode(args.cache, context.step);
    context.charge(args.pages.length * node.costs['list.step']);
    const filed = args.pages.map((page) => file(node, lists, page, true, args.retention, context.step));
    return filed.filter((slab) => slab !== null);
  },
);

/** A frozen slab becomes partial, full or nobody's. */
function file(
  node: KernelNode,
  lists: SlubCacheNode,
  page: Handle,
  tail: boolean,
  retention: Retention,
  step: () => Step,
): DetachedSlab | null {
  const record = node.pages.get(page, step);
  if (record.active === 0 && isSurplus(node, lists, retention)) return lists.detach(page, record);
  if (record.free.length > 0) lists.addPartial(page, record, tail);
  else record.list = 'full';
  return null;
}

/** Partial slabs that a CPU takes: all free objects of the first, and the slabs that go to its partial list. */
export interface Acquired {
  readonly page: Handle;
  readonly objects: ObjectRef[];
  readonly more: readonly { readonly page: Handle; readonly free: number }[];
}

interface Wanted {
  readonly cache: Handle;
  /** Slabs are taken until more objects than this are free. */
  readonly enough: number;
  /** Only if the node has more partial slabs than this. */
  readonly beyond: number;
}

/** get_partial_node, under list_lock: freeze partial slabs for this CPU. Null if the node has none to give. */
export const getPartialNode = defineSection(
  'list_lock',
  'slub.getPartialNode',
  (node, { cache, enough, beyond }: Wanted, context): Acquired | null => {
    const lists = node.slubNode(cache, context.step);
    if (lists.nrPartial <= beyond) return null;
    const [page] = lists.partial;
    if (page === undefined) return null;
    const objects = takeAll(page, acquire(node, lists, page, context.step));
    const more: { page: Handle; free: number }[] = [];
    for (let available = objects.length; available <= enough; ) {
      const [next] = lists.partial;
      if (next === undefined) break;
      const { free } = acquire(node, lists, next, context.step);
      more.push({ page: next, free: free.length });
      available += free.length;
    }
    return { page, objects, more };
  },
);

/** acquire_slab: off the partial list, and frozen. */
function acquire(node: KernelNode, lists: SlubCacheNode, page: Handle, step: () => Step): SlabPage {
  const record = node.pages.get(page, step);
  lists.removePartial(page);
  record.list = 'frozen';
  return record;
}

/** dec_slabs_node, at the beginning of discard_slab. */
export const decSlabsNode = defineHandler(
  'slub.decSlabsNode',
  (node, args: { cache: Handle; page: Handle }, context): void => {
    const record = node.pages.get(args.page, context.step);
    const lists = node.slubNode(args.cache, context.step);
    lists.slabs--;
    lists.objects -= record.num;
    node.trace(Trace.slabRemove, context.cpu, args.page, args.cache, record.active, 0);
  },
);
