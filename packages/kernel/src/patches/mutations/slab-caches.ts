import { BOOT_NODE, type Coroutine, call, type Handle, request } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { drainFreelist } from '../../mm/slab/node-handlers.js';
import type { DetachedSlab } from '../../mm/slab/types.js';
import { slabAllocFrom } from '../../mm/slab-common/alloc.js';
import { walkForMemcg } from '../../mm/slab-common/cache-list.js';
import { releaseCaches, unlinkCache } from '../../mm/slab-common/destroy.js';
import { kmemCacheFree } from '../../mm/slab-common/free.js';
import { releaseOrDefer } from '../../mm/slab-common/rcu-destroy.js';
import { kmemCacheShrink } from '../../mm/slab-common/shrink.js';
import { kickAllCpusSync } from '../../smp/kick.js';
import { from410To52, from410To53, to53 } from './applicable.js';
import { wrapHandler } from './wrap-handler.js';

/** The memcg's caches, each after `prepare`, under slab_mutex. */
function* cachesOf(
  cpu: Cpu,
  memcg: Handle,
  prepare: (cpu: Cpu, cache: Handle) => Coroutine<unknown>,
): Coroutine<Handle[]> {
  yield* call(mutexLock, cpu, 'slab_mutex');
  const { caches } = yield* request(BOOT_NODE, walkForMemcg, { memcg });
  for (const cache of caches) yield* call(prepare, cpu, cache);
  yield* call(mutexUnlock, cpu, 'slab_mutex');
  return caches;
}

function* shutdownAndUnlink(cpu: Cpu, cache: Handle): Coroutine<void> {
  if (yield* call(cpu.build.allocator.shutdown, cpu, cache)) yield* call(unlinkCache, cpu, cache);
}

export const releaseAtOffline: Patch = {
  name: 'release-at-offline',
  summary: 'a dying memcg’s caches are shut down and released when it goes offline, whether objects are left or not',
  mutation: true,
  breaks: 'SLAB-5',
  appliesTo: from410To52,
  apply: ({ policies }) => {
    const { offline } = policies.memcg;
    policies.memcg.offline = function* offlineThenRelease(cpu, memcg): Coroutine<void> {
      yield* call(offline, cpu, memcg);
      yield* call(releaseCaches, cpu, yield* call(cachesOf, cpu, memcg, shutdownAndUnlink), 'memcg');
    };
  },
};

export const freeAfterDestroy: Patch = {
  name: 'free-after-destroy',
  summary: 'a root cache is released with an object in use, which is freed afterwards',
  mutation: true,
  breaks: 'SLAB-5',
  apply: ({ policies }) => {
    policies.memcg.destroyRoot = function* destroyInUse(cpu, cache): Coroutine<boolean> {
      const object = yield* call(slabAllocFrom, cpu, cache);
      yield* call(mutexLock, cpu, 'slab_mutex');
      yield* call(kmemCacheShrink, cpu, cache);
      yield* call(unlinkCache, cpu, cache);
      yield* call(mutexUnlock, cpu, 'slab_mutex');
      yield* call(releaseCaches, cpu, [cache], 'root');
      yield* call(kmemCacheFree, cpu, cache, object);
      return true;
    };
  },
};

export const releaseWithoutDrain: Patch = {
  name: 'release-without-drain',
  summary: 'a dying memcg’s caches are released when it goes offline, with whatever lies in their arrays',
  mutation: true,
  breaks: 'SLAB-8',
  appliesTo: to53,
  apply: ({ policies }) => {
    policies.memcg.offline = function* releaseOnly(cpu, memcg): Coroutine<void> {
      yield* call(releaseCaches, cpu, yield* call(cachesOf, cpu, memcg, function* keep() {}), 'memcg');
    };
  },
};

export const ignoreSlabsLeft: Patch = {
  name: 'ignore-slabs-left',
  summary: 'slabs are not charged, so they hold no memcg, and a shrink never sees that slabs are left',
  mutation: true,
  breaks: 'SLAB-6',
  appliesTo: to53,
  apply: (kernel) => {
    // biome-ignore lint/correctness/useYield: charging nothing is the bug
    kernel.policies.memcg.chargeSlab = function* chargeNothing(): Coroutine<Handle> {
      return 0;
    };
    kernel.policies.memcg.unchargeSlab = function* unchargeNothing() {};
    type Left = { detached: DetachedSlab | null; left: number };
    wrapHandler<{ cache: Handle }, Left>(kernel, drainFreelist.name, (drain) => (node, args, context) => ({
      ...drain(node, args, context),
      left: 0,
    }));
  },
};

export const unlinkAfterShutdown: Patch = {
  name: 'unlink-after-shutdown',
  summary:
    'shutting a cache down releases it at once, or through the barrier item, and then it is taken off the lists of its memcg',
  mutation: true,
  breaks: 'use-after-free',
  appliesTo: from410To53,
  apply: ({ policies }) => {
    policies.slab.dispose = releaseOrDefer;
    policies.slab.unlinks = 'afterShutdown';
  },
};

export const kickTwice: Patch = {
  name: 'kick-twice',
  summary: 'all CPUs are kicked twice for each array set',
  mutation: true,
  breaks: 'SLAB-7',
  apply: ({ policies }) => {
    policies.slab.afterPublish = function* kickAgain(cpu): Coroutine<void> {
      yield* call(kickAllCpusSync, cpu);
      yield* call(kickAllCpusSync, cpu);
    };
    policies.slab.kicksPerPublish = () => 1;
  },
};
