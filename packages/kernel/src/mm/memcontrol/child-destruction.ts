import type { Coroutine, Handle } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { destroyIfEmpty } from './destroy-work.js';
import { memcgBindPages, memcgReleasePages } from './release-pages.js';

/**
 * How a kernel in which a memcg cache has a destroy work of its own (3.14, and what was proposed for it) notices that a dead
 * cache is empty.
 */
export interface ChildDestruction {
  /** memcg_bind_pages: a new slab of 2^order pages. Nobody else knows the slab yet. */
  readonly bindPages: (cpu: Cpu, cache: Handle, order: number) => Coroutine<void>;
  /** memcg_release_pages: a slab's pages go. Any context: process, interrupts off, RCU callback. */
  readonly releasePages: (cpu: Cpu, cache: Handle, order: number) => Coroutine<void>;
  /** What the destroy work does with the cache that it has found in its slot. */
  readonly work: (cpu: Cpu, cache: Handle) => Coroutine<void>;
  /** Root destruction is about to destroy a child whose destroy work it has called off; null if nobody else is to be told. */
  readonly forget: ((cpu: Cpu, cache: Handle) => Coroutine<void>) | null;
}

/** 3.14: the release of the last page queues the destroy work, which never looks a second time. */
export const destroyOnLastPage: ChildDestruction = {
  bindPages: memcgBindPages,
  releasePages: memcgReleasePages,
  work: destroyIfEmpty,
  forget: null,
};
