import { type Coroutine, call, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { type LruFilesystem, lruFilesystems } from '../mm/list-lru.js';
import { registerShrinker, type ShrinkControl } from '../mm/shrinker.js';
import { defineHandler } from '../registry.js';
import { pruneDcacheSb } from './dcache-shrink.js';

/** Objects that a superblock's shrinker scans at a time. Source: alloc_super, fs/super.c 4.10. */
const BATCH = 1024;

const countDentries = defineHandler('super.count', (node, args: { fs: LruFilesystem; id: number }): number =>
  node.listLrus.of(args.fs).count(args.id),
);

/** super_cache_count (4.10): unused dentries; there are no unused inodes without a dentry in these filesystems. */
function* superCacheCount(fs: LruFilesystem, { node, id }: ShrinkControl): Coroutine<number> {
  return yield* request(node, countDentries, { fs, id });
}

/** super_cache_scan (4.10): the dentries' share of the scan, at least one. */
function* superCacheScan(cpu: Cpu, fs: LruFilesystem, { node, id }: ShrinkControl, count: number): Coroutine<number> {
  const dentries = yield* request(node, countDentries, { fs, id });
  const share = Math.floor((count * dentries) / (dentries + 1)) + 1;
  return yield* call(pruneDcacheSb, cpu, { fs, node, id }, share);
}

for (const fs of lruFilesystems) {
  registerShrinker({
    batch: BATCH,
    lru: (node) => node.listLrus.of(fs),
    count: (_cpu, control) => superCacheCount(fs, control),
    scan: (cpu, control, count) => superCacheScan(cpu, fs, control, count),
  });
}
