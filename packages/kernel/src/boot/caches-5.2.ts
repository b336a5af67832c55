import { SlabFlag } from '../mm/slab/types.js';
import type { CacheSpec } from '../mm/slab-common/types.js';
import { caches410 } from './caches-4.10.js';

const { account, hwcacheAlign } = SlabFlag;

/** Caches that are new since 4.10, as far as the model's system calls use them. */
const added: readonly CacheSpec[] = [
  { name: 'seq_file', objectSize: 136, flags: account },
  { name: 'pde_opener', objectSize: 40, flags: account },
];

/** Root caches of a 5.2 kernel: those of 4.10, of which filp is accounted now, and the records of open files. */
export const caches52: readonly CacheSpec[] = [
  ...caches410.map((spec) => (spec.name === 'filp' ? { ...spec, flags: hwcacheAlign | account } : spec)),
  ...added,
];
