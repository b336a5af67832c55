import type { Coroutine, Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import type { Defect } from '../../defect.js';
import type { PolicyWord } from '../../policy-words.js';
import { CacheField } from '../../published-state.js';

/** Looks for dead caches that have become empty (no-destroy-on-last-page). */
export interface Reaper {
  /** Between two passes, ns; 0 if it only comes when it is called. */
  readonly period: number;
  /** The destroy work leaves a dead cache to it. */
  readonly take: (cpu: Cpu, cache: Handle) => Coroutine<void>;
  /** Whoever destroys its root destroys the cache, too. */
  readonly forget: (cpu: Cpu, cache: Handle) => Coroutine<void>;
}

/** References on a child for as long as somebody may release pages of it (pin-until-release). */
export interface Pins {
  /** Of a cache that something else holds. */
  readonly get: (cpu: Cpu, cache: Handle) => Coroutine<void>;
  /** Of a cache that may have lost its last reference: false if it has. */
  readonly tryGet: (cpu: Cpu, cache: Handle, defect: Defect) => Coroutine<boolean>;
  /** The last touch. Any context. */
  readonly put: (cpu: Cpu, cache: Handle) => Coroutine<void>;
}

/** How the caches of a memcg are kept and destroyed in a kernel that does that by a work item of each cache (3.14). */
export interface ChildCaches {
  /** Creations that are under way: waited for before a memcg goes offline and before a root is destroyed; null if nobody waits. */
  flushCreations: ((cpu: Cpu) => Coroutine<void>) | null;
  /** What tells when a child can go: its pages and a dead mark, or references. */
  counts: PolicyWord<'memcg.childCaches.counts'>;
  /** memcg_bind_pages: a child has got 2^order pages more. */
  bindPages: (cpu: Cpu, cache: Handle, order: number) => Coroutine<void>;
  /** memcg_release_pages: a child gives 2^order pages up. Any context. */
  releasePages: (cpu: Cpu, cache: Handle, order: number) => Coroutine<void>;
  /** Held by operations that may release pages; null if nothing is. */
  pins: Pins | null;
  /** memcg_params_to_cache: the cache that a destroy item lies in, 0 if it cannot be found. */
  ofParams: (cpu: Cpu, params: Handle) => Coroutine<Handle>;
  /** What the destroy item does with its cache. */
  destroyWork: (cpu: Cpu, cache: Handle) => Coroutine<void>;
  /** The memcg goes offline: what becomes of its caches. Caller holds cgroup_mutex. */
  offline: (cpu: Cpu, css: Handle) => Coroutine<void>;
  /** The destroy item leaves a child to whoever destroys its root. Caller holds slab_mutex; null if that is not asked. */
  backsOff: ((cpu: Cpu, cache: Handle) => Coroutine<boolean>) | null;
  /** A destroyed child is unregistered before it is shut down, not after. */
  unregistersFirst: boolean;
  /** memcg_unregister_cache: off the memcg's list and out of its slot. Caller holds slab_mutex. */
  unregister: (cpu: Cpu, cache: Handle) => Coroutine<void>;
  /** Who destroys dead caches that their destroy work has left: nobody, or a reaper. */
  reaper: Reaper | null;
  /** All children of a root, before it is destroyed. */
  destroyOfRoot: (cpu: Cpu, root: Handle) => Coroutine<void>;
  /** When a memcg's list of caches can be used: once it is kmem-active, or from css_alloc on. */
  listReadyFrom: PolicyWord<'memcg.childCaches.listReadyFrom'>;
  /** A registered cache holds a css reference on its memcg, and a memcg that has gone offline one on itself. */
  holdsMemcg: boolean;
  /** The memcg that a child belongs to, so that it cannot go; 0 for none. To be given back by `putMemcg`. */
  getMemcg: (cpu: Cpu, cache: Handle, defect: Defect) => Coroutine<Handle>;
  putMemcg: (cpu: Cpu, css: Handle) => Coroutine<void>;
}

/** Not of a memcg. Of a cache that is gone nothing can be read: that was a child, as no root goes while it is in use. */
export function isRootCache({ published: { caches } }: Cpu, cache: Handle): boolean {
  return caches.isCurrent(cache) && caches.read(cache, CacheField.root) === 0;
}

/** @throws Error if the kernel has no such caches */
export function childCachesOf(cpu: Cpu): ChildCaches {
  const { childCaches } = cpu.build.policies.memcg;
  if (childCaches === null) throw new Error(`the caches of memcgs have no destroy works in ${cpu.build.name}`);
  return childCaches;
}
