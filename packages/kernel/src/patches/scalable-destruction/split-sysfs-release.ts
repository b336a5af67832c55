import type { Patch } from '../../build.js';

export const splitSysfsRelease: Patch = {
  name: 'split-sysfs-release',
  summary: 'SLUB: the directory of a cache goes when it is shut down, under slab_mutex, and not when it is released',
  mail: 'Tejun Heo, posted to linux-mm in 2017: "slub: separate out sysfs_slab_release() from sysfs_slab_remove()", 2 of 10; in 4.12',
  appliesTo: ['v4.10'],
  apply: ({ policies }) => {
    // early-sysfs-removal goes further, whichever of the two is named first.
    if (policies.slub.directoryGoes !== 'work') policies.slub.directoryGoes = 'shutdownLocked';
  },
};
