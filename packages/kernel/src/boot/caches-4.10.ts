import { SlabFlag } from '../mm/slab/types.js';
import type { CacheSpec } from '../mm/slab-common/types.js';

const { account, ctor, destroyByRcu, hwcacheAlign, reclaim } = SlabFlag;

const cache = (name: string, objectSize: number, flags = 0): CacheSpec => ({ name, objectSize, flags });

const kmalloc = [32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192].map((size) =>
  cache(`kmalloc-${size}`, size, hwcacheAlign),
);

/**
 * Root caches of a 4.10 kernel in boot order: object sizes of a common x86-64 configuration, in bytes; which are
 * accounted, RCU-typed or have a constructor is the kernel's.
 */
export const caches410: readonly CacheSpec[] = [
  cache('kmem_cache', 216, hwcacheAlign),
  ...kmalloc,
  cache('radix_tree_node', 576, reclaim | ctor),
  cache('pid', 128, hwcacheAlign | account),
  cache('anon_vma', 72, account | destroyByRcu | ctor),
  cache('anon_vma_chain', 64, account),
  cache('cred_jar', 168, hwcacheAlign | account),
  cache('task_struct', 5888, account),
  cache('sighand_cache', 2088, hwcacheAlign | account | destroyByRcu | ctor),
  cache('signal_cache', 1088, hwcacheAlign | account),
  cache('files_cache', 704, hwcacheAlign | account),
  cache('fs_cache', 56, hwcacheAlign | account),
  cache('mm_struct', 2048, hwcacheAlign | account),
  cache('vm_area_struct', 200, account),
  cache('buffer_head', 104, reclaim),
  cache('dentry', 192, account | reclaim),
  cache('inode_cache', 592, account | reclaim | ctor),
  cache('filp', 256, hwcacheAlign),
  cache('kernfs_node_cache', 120),
  cache('proc_inode_cache', 656, account | reclaim | ctor),
  cache('shmem_inode_cache', 680, account | ctor),
  cache('sock_inode_cache', 640, account | reclaim | ctor | hwcacheAlign),
  cache('ext4_inode_cache', 1072, account | reclaim | ctor),
];
