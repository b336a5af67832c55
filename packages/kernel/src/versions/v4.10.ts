import { caches410 } from '../boot/caches-4.10.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import { trylockOnce } from '../locking/mutex.js';
import { initRootArray } from '../mm/memcontrol/cache-ids.js';
import {
  memcgKmemGetCache,
  memcgKmemPutCache,
  optInPayer,
  scheduleCreateOrdered,
} from '../mm/memcontrol/cache-lookup.js';
import '../mm/memcontrol/cache-create.js';
import { chargeSlab, unchargeSlab } from '../mm/memcontrol/charge.js';
import { deactivateSlabCaches, deactivateSlubCaches } from '../mm/memcontrol/deactivate.js';
import { memcgFreeKmem, memcgOfflineKmem, memcgOnlineKmem } from '../mm/memcontrol/lifecycle.js';
import { slub410 } from '../mm/slub/policies.js';
import { rcuBarrier } from '../rcu/barrier.js';
import { waitForCsd } from '../smp/call-function.js';
import { takeCalls } from '../smp/call-queue.js';
import { runCall } from '../smp/interrupt.js';
import { kickAllCpusSync } from '../smp/kick.js';

/** 4.10: memcg caches live exactly as long as their memcg; every published array set is followed by a kick. */
const policies = ({ allocator }: KernelConfig): Policies => ({
  smp: {
    maskCallRings: 'everyTarget',
    takeCalls,
    runCall,
    waitForCsd,
    everyone: (cpu) => cpu.published.onlineCpus(),
  },
  locking: { trylock: trylockOnce },
  slab: {
    afterPublish: (cpu) => kickAllCpusSync(cpu),
    kicksPerPublish: () => 1,
    barrierBeforeRelease: rcuBarrier,
  },
  slub: slub410(),
  memcg: {
    payer: optInPayer,
    getCache: memcgKmemGetCache,
    putCache: memcgKmemPutCache,
    freeHook: null,
    scheduleCreate: scheduleCreateOrdered,
    chargeSlab,
    unchargeSlab,
    initRootArray,
    online: memcgOnlineKmem,
    offline: memcgOfflineKmem,
    free: memcgFreeKmem,
    deactivateCaches: allocator === 'slub' ? deactivateSlubCaches : deactivateSlabCaches,
  },
  fs: { procInodeCache: 'proc_inode_cache', tmpInodeCache: 'shmem_inode_cache', procDropsAtClose: true },
});

export const v410: KernelVersion = {
  name: 'v4.10',
  source: '4.10.17',
  summary: 'caches die with their memcg; creation on one ordered workqueue; a kick after every cpu_cache change',
  caches: caches410,
  policies,
};
