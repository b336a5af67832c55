import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caches410 } from '../../boot/caches-4.10.js';
import { slabGeometry } from './geometry.js';
import { defaultTunables } from './tune.js';
import { SlabFlag } from './types.js';

/** name, object, size, placement, num, order, limit, batchcount, shared: spec/slab.md §7. */
type Row = readonly [string, number, number, 'obj' | 'on', number, number, number, number, number];

const TABLE: readonly Row[] = [
  ['dentry', 192, 192, 'obj', 21, 0, 120, 60, 8],
  ['inode_cache', 592, 592, 'on', 6, 0, 54, 27, 8],
  ['shmem_inode_cache', 680, 680, 'on', 6, 0, 54, 27, 8],
  ['ext4_inode_cache', 1072, 1072, 'on', 3, 0, 24, 12, 8],
  ['proc_inode_cache', 656, 656, 'on', 6, 0, 54, 27, 8],
  ['sock_inode_cache', 640, 640, 'on', 6, 0, 54, 27, 8],
  ['filp', 256, 256, 'obj', 16, 0, 120, 60, 8],
  ['cred_jar', 168, 192, 'obj', 21, 0, 120, 60, 8],
  ['pid', 128, 128, 'obj', 32, 0, 120, 60, 8],
  ['task_struct', 5888, 5888, 'obj', 1, 1, 8, 4, 0],
  ['signal_cache', 1088, 1088, 'obj', 7, 1, 24, 12, 8],
  ['sighand_cache', 2088, 2112, 'on', 3, 1, 24, 12, 8],
  ['files_cache', 704, 704, 'obj', 11, 1, 54, 27, 8],
  ['fs_cache', 56, 64, 'on', 63, 0, 120, 60, 8],
  ['mm_struct', 2048, 2048, 'obj', 2, 0, 24, 12, 8],
  ['vm_area_struct', 200, 200, 'obj', 20, 0, 120, 60, 8],
  ['anon_vma', 72, 72, 'on', 56, 0, 120, 60, 8],
  ['anon_vma_chain', 64, 64, 'obj', 64, 0, 120, 60, 8],
  ['radix_tree_node', 576, 576, 'on', 7, 0, 54, 27, 8],
  ['buffer_head', 104, 104, 'obj', 39, 0, 120, 60, 8],
  ['kernfs_node_cache', 120, 120, 'obj', 34, 0, 120, 60, 8],
  ['kmalloc-32', 32, 32, 'on', 124, 0, 120, 60, 8],
  ['kmalloc-64', 64, 64, 'obj', 64, 0, 120, 60, 8],
  // The table in slab.md says 96 bytes and 42; SLAB aligns every kmalloc cache to cache lines (ARCH_KMALLOC_FLAGS).
  ['kmalloc-96', 96, 128, 'obj', 32, 0, 120, 60, 8],
  ['kmalloc-128', 128, 128, 'obj', 32, 0, 120, 60, 8],
  ['kmalloc-192', 192, 192, 'obj', 21, 0, 120, 60, 8],
  ['kmalloc-256', 256, 256, 'obj', 16, 0, 120, 60, 8],
  ['kmalloc-512', 512, 512, 'obj', 8, 0, 54, 27, 8],
  ['kmalloc-1024', 1024, 1024, 'obj', 4, 0, 54, 27, 8],
  ['kmalloc-2048', 2048, 2048, 'obj', 2, 0, 24, 12, 8],
  ['kmalloc-4096', 4096, 4096, 'obj', 1, 0, 24, 12, 8],
  ['kmalloc-8192', 8192, 8192, 'obj', 1, 1, 8, 4, 0],
];

const placements = { obj: 'objfreelist', on: 'on-slab' } as const;

/** Caches whose objects the kernel's SLAB_ACCOUNT, SLAB_DESTROY_BY_RCU and constructors are about: same table. */
const ACCOUNTED = [
  'dentry',
  'inode_cache',
  'shmem_inode_cache',
  'ext4_inode_cache',
  'proc_inode_cache',
  'sock_inode_cache',
  'cred_jar',
  'pid',
  'task_struct',
  'signal_cache',
  'sighand_cache',
  'files_cache',
  'fs_cache',
  'mm_struct',
  'vm_area_struct',
  'anon_vma',
  'anon_vma_chain',
];
const CONSTRUCTED = [
  'inode_cache',
  'shmem_inode_cache',
  'ext4_inode_cache',
  'proc_inode_cache',
  'sock_inode_cache',
  'sighand_cache',
  'anon_vma',
  'radix_tree_node',
];

const specOf = (name: string) => {
  const spec = caches410.find((cache) => cache.name === name);
  if (spec === undefined) throw new Error(`4.10 has no boot cache ${name}`);
  return spec;
};

const namesWith = (flag: number): string[] =>
  caches410.filter(({ flags }) => (flags & flag) !== 0).map(({ name }) => name);

describe('slabGeometry', () => {
  it.each(TABLE)('cuts %s (%i bytes) as 4.10 does', (name, object, size, placement, num, order) => {
    const spec = specOf(name);
    expect(spec.objectSize).toBe(object);
    expect(slabGeometry(spec.objectSize, spec.flags)).toMatchObject({
      size,
      placement: placements[placement],
      num,
      order,
    });
  });

  it('gives the nums of the measured build for its object sizes', () => {
    const inode = SlabFlag.ctor | SlabFlag.reclaim;
    expect(slabGeometry(528, inode).num).toBe(7);
    expect(slabGeometry(632, SlabFlag.ctor).num).toBe(6);
    expect(slabGeometry(584, inode).num).toBe(7);
    expect(slabGeometry(896, SlabFlag.hwcacheAlign)).toMatchObject({ num: 4, order: 0 });
    expect(slabGeometry(184, 0).num).toBe(22);
  });

  it('fits num objects, and on-slab their index, into 2^order pages of at most 255 objects', () => {
    const flags = fc.constantFrom(0, SlabFlag.ctor, SlabFlag.reclaim, SlabFlag.hwcacheAlign, SlabFlag.destroyByRcu);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 << 20 }), flags, (objectSize, flag) => {
        const { size, num, order, placement, colours } = slabGeometry(objectSize, flag);
        const bytes = 4096 * 2 ** order;
        expect(size).toBeGreaterThanOrEqual(Math.max(16, objectSize));
        expect(num).toBeGreaterThanOrEqual(1);
        expect(num).toBeLessThanOrEqual(255);
        expect(num * (size + (placement === 'on-slab' ? 1 : 0))).toBeLessThanOrEqual(bytes);
        expect(colours).toBeGreaterThanOrEqual(0);
        const untouchable = (flag & (SlabFlag.ctor | SlabFlag.destroyByRcu)) !== 0;
        if (placement === 'objfreelist') expect(!untouchable && num <= objectSize).toBe(true);
      }),
      {
        seed: 13,
        examples: [
          [1, 0],
          [4 << 20, 0],
        ],
      },
    );
  });

  it('refuses an object that no slab can hold', () => {
    expect(() => slabGeometry((4 << 20) + 1, SlabFlag.ctor)).toThrow(RangeError);
  });
});

describe('defaultTunables', () => {
  it.each(TABLE)(
    'gives %s the limits for its size',
    (_name, _object, size, _placement, _num, _order, limit, batch, shared) => {
      expect(defaultTunables(size, 4)).toEqual({ limit, batchcount: batch, shared });
    },
  );

  it('changes its limits just above 256, 1024, 4096 and 131072 bytes', () => {
    const limits = [256, 257, 1024, 1025, 4096, 4097, 131072, 131073].map((size) => defaultTunables(size, 2).limit);
    expect(limits).toEqual([120, 54, 54, 24, 24, 8, 8, 1]);
  });

  it('gives no shared array with one possible CPU', () => {
    expect(defaultTunables(192, 1)).toEqual({ limit: 120, batchcount: 60, shared: 0 });
  });
});

describe('caches410', () => {
  it('accounts, constructs and frees through RCU exactly the caches that 4.10 does', () => {
    expect(namesWith(SlabFlag.account).sort()).toEqual([...ACCOUNTED].sort());
    expect(namesWith(SlabFlag.ctor).sort()).toEqual([...CONSTRUCTED].sort());
    expect(namesWith(SlabFlag.destroyByRcu).sort()).toEqual(['anon_vma', 'sighand_cache']);
  });
});
