import { SlabFlag } from '../mm/slab/types.js';
import type { CacheSpec } from '../mm/slab-common/types.js';

const { ctor, destroyByRcu, hwcacheAlign, reclaim } = SlabFlag;

const cache = (name: string, objectSize: number, flags = 0): CacheSpec => ({ name, objectSize, flags });

const kmalloc = [32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192].map((size) =>
  cache(`kmalloc-${size}`, size, hwcacheAlign),
);

/**
 * Root caches of a 3.14 kernel in boot order, object sizes in bytes. No cache is marked as accounted: every allocation of a
 * task in a kmem-active memcg is.
 */
export const caches314: readonly CacheSpec[] = [
  cache('kmem_cache', 216, hwcacheAlign),
  ...kmalloc,
  cache('radix_tree_node', 560, reclaim | ctor),
  cache('pid', 128, hwcacheAlign),
  cache('anon_vma', 64, destroyByRcu | ctor),
  cache('anon_vma_chain', 64),
  cache('cred_jar', 168, hwcacheAlign),
  cache('task_struct', 5888),
  cache('sighand_cache', 2088, hwcacheAlign | destroyByRcu | ctor),
  cache('signal_cache', 1088, hwcacheAlign),
  cache('files_cache', 704, hwcacheAlign),
  cache('fs_cache', 56, hwcacheAlign),
  cache('mm_struct', 896, hwcacheAlign),
  cache('vm_area_struct', 184),
  cache('names_cache', 4096, hwcacheAlign),
  cache('buffer_head', 104, reclaim),
  cache('dentry', 192, reclaim),
  cache('inode_cache', 560, reclaim | ctor),
  cache('filp', 256, hwcacheAlign),
  cache('kernfs_node_cache', 112),
  cache('proc_inode_cache', 624, reclaim | ctor),
  cache('shmem_inode_cache', 648, ctor),
  cache('sock_inode_cache', 640, reclaim | ctor | hwcacheAlign),
  cache('ext4_inode_cache', 1016, reclaim | ctor),
];
