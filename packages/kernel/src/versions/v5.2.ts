import { caches52 } from '../boot/caches-5.2.js';
import type { KernelConfig, KernelVersion, Policies } from '../build.js';
import { cssFreeByRcuWork } from '../cgroup/free-by-rcu-work.js';
import type { FsType } from '../fs/types.js';
import { memcgDeactivateKmemCaches } from '../mm/memcontrol/deactivate.js';
import { deactivateWithCssRef } from '../mm/memcontrol/deactivate-by-rcu.js';
import { flushMemcgWorkqueue, refuseIfDying } from '../mm/memcontrol/root-dying.js';
import { reclaim52 } from '../mm/reclaim-policies.js';
import { slub52 } from '../mm/slub/policies.js';
import { v412 } from './v4.12.js';

/** seq_file of what is read in lines; a file of /proc that has a release function also notes who opened it. */
const records: Partial<Record<FsType, readonly string[]>> = { cgroup: ['seq_file'], proc: ['seq_file', 'pde_opener'] };

/**
 * 5.2: as 4.12, but a root cache that is being destroyed says so and waits for what is under way; mask calls ring only where
 * nothing is queued yet; one RCU flavour waits for all kinds of reader; open files and their seq_file records are accounted; dentries of /proc stay cached.
 */
const policies = (config: KernelConfig): Policies => {
  const before = v412.policies(config);
  return {
    ...before,
    smp: { ...before.smp, maskCallRings: 'emptyQueues' },
    rcu: { ...before.rcu, flavours: 'consolidated', barrierCallback: 'entrained' },
    slab: { ...before.slab, beforeDestroy: flushMemcgWorkqueue(config) },
    slub: slub52(config),
    memcg: {
      ...before.memcg,
      refuseCreation: refuseIfDying,
      deactivate: memcgDeactivateKmemCaches(deactivateWithCssRef(before.memcg.deactivation, true)),
    },
    reclaim: reclaim52(),
    cgroup: { ...before.cgroup, freeLater: cssFreeByRcuWork },
    fs: { ...before.fs, procDropsAtClose: false, recordsOf: (fs) => records[fs] ?? [] },
  };
};

export const v52: KernelVersion = {
  name: 'v5.2',
  source: '5.2.1',
  summary: 'as 4.12; a root cache that is destroyed is marked dying and flushes what is under way; filp is accounted',
  caches: caches52,
  hasSlubMemcgSysfs: true,
  policies,
};
