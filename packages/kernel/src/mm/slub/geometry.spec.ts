import { describe, expect, test } from 'vitest';
import { SlabFlag } from '../slab/types.js';
import { defaultCpuPartial, defaultMinPartial, objectsIn, orderOf, slubGeometry } from './geometry.js';

const { ctor, destroyByRcu, hwcacheAlign } = SlabFlag;

type Cut = readonly [objects: number, order: number];

interface Row {
  readonly name: string;
  readonly objectSize: number;
  readonly flags: number;
  readonly size: number;
  /** With 4, 16 and 64 CPUs. */
  readonly cuts: readonly [Cut, Cut, Cut];
  readonly cpuPartial: number;
  readonly minPartial: number;
}

const row = (
  name: string,
  objectSize: number,
  flags: number,
  size: number,
  cuts: readonly [Cut, Cut, Cut],
  [cpuPartial, minPartial]: readonly [number, number],
): Row => ({ name, objectSize, flags, size, cuts, cpuPartial, minPartial });

const same = (cut: Cut): readonly [Cut, Cut, Cut] => [cut, cut, cut];

const rows: readonly Row[] = [
  row(
    'dentry',
    192,
    0,
    192,
    [
      [21, 0],
      [42, 1],
      [42, 1],
    ],
    [30, 5],
  ),
  row(
    'cred_jar',
    168,
    hwcacheAlign,
    192,
    [
      [21, 0],
      [42, 1],
      [42, 1],
    ],
    [30, 5],
  ),
  row(
    'inode_cache',
    592,
    ctor,
    600,
    [
      [27, 2],
      [27, 2],
      [54, 3],
    ],
    [13, 5],
  ),
  row(
    'shmem_inode_cache',
    680,
    ctor,
    688,
    [
      [23, 2],
      [47, 3],
      [47, 3],
    ],
    [13, 5],
  ),
  row('ext4_inode_cache', 1072, ctor, 1080, same([30, 3]), [6, 5]),
  row(
    'filp',
    256,
    hwcacheAlign,
    256,
    [
      [16, 0],
      [32, 1],
      [32, 1],
    ],
    [13, 5],
  ),
  row('signal_cache', 1088, hwcacheAlign, 1088, same([30, 3]), [6, 5]),
  row('sighand_cache', 2088, hwcacheAlign | destroyByRcu | ctor, 2112, same([15, 3]), [6, 5]),
  row('task_struct', 5888, 0, 5888, same([5, 3]), [2, 6]),
  row('anon_vma', 72, destroyByRcu | ctor, 80, same([51, 0]), [30, 5]),
  row(
    'vm_area_struct',
    200,
    0,
    200,
    [
      [20, 0],
      [40, 1],
      [40, 1],
    ],
    [30, 5],
  ),
  row(
    'radix_tree_node',
    576,
    ctor,
    584,
    [
      [28, 2],
      [28, 2],
      [56, 3],
    ],
    [13, 5],
  ),
  row('kmalloc-32', 32, hwcacheAlign, 32, same([128, 0]), [30, 5]),
  row('kmalloc-64', 64, hwcacheAlign, 64, same([64, 0]), [30, 5]),
  row('kmalloc-96', 96, 0, 96, same([42, 0]), [30, 5]),
  row('kmalloc-128', 128, hwcacheAlign, 128, same([32, 0]), [30, 5]),
  row(
    'kmalloc-192',
    192,
    hwcacheAlign,
    192,
    [
      [21, 0],
      [42, 1],
      [42, 1],
    ],
    [30, 5],
  ),
  row(
    'kmalloc-256',
    256,
    hwcacheAlign,
    256,
    [
      [16, 0],
      [32, 1],
      [32, 1],
    ],
    [13, 5],
  ),
  row(
    'kmalloc-512',
    512,
    hwcacheAlign,
    512,
    [
      [16, 1],
      [32, 2],
      [32, 2],
    ],
    [13, 5],
  ),
  row(
    'kmalloc-1024',
    1024,
    hwcacheAlign,
    1024,
    [
      [16, 2],
      [32, 3],
      [32, 3],
    ],
    [6, 5],
  ),
  row('kmalloc-2048', 2048, hwcacheAlign, 2048, same([16, 3]), [6, 5]),
  row('kmalloc-4096', 4096, hwcacheAlign, 4096, same([8, 3]), [2, 6]),
  row('kmalloc-8192', 8192, hwcacheAlign, 8192, same([4, 3]), [2, 6]),
];

describe.each(rows)('$name', ({ objectSize, flags, size, cuts, cpuPartial, minPartial }) => {
  test.each([4, 16, 64])('is cut as the kernel cuts it for %i CPUs', (cpus) => {
    const [num, order] = cuts[[4, 16, 64].indexOf(cpus)] as Cut;
    expect(slubGeometry(objectSize, flags, cpus)).toMatchObject({ size, num, order });
  });

  test('keeps so much on CPUs and nodes', () => {
    expect([defaultCpuPartial(size), defaultMinPartial(size)]).toEqual([cpuPartial, minPartial]);
  });

  test('fits the smallest block that holds one object', () => {
    expect(objectsIn(orderOf(size), size)).toBeGreaterThan(0);
    if (orderOf(size) > 0) expect(objectsIn(orderOf(size) - 1, size)).toBe(0);
  });
});

test('an object that no block holds is refused', () => {
  expect(() => slubGeometry(8 * 2 ** 20, 0, 4)).toThrow(RangeError);
});
