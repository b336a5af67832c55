import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { allocChargedPages, type ChargedPages, freeChargedPages } from '../mm/memcontrol/charge-page.js';
import { PAGE_SIZE } from '../mm/page.js';
import { defineHandler } from '../registry.js';
import { ENOMEM } from './types.js';

/** The file grows; answers with how many pages it needs more. */
const grow = defineHandler('shmem.grow', (node, args: { dentry: Handle; bytes: number }, context): number => {
  const dentry = node.dentries.get(args.dentry, context.step);
  const before = dentry.size;
  dentry.size = before + args.bytes;
  return Math.ceil(dentry.size / PAGE_SIZE) - Math.ceil(before / PAGE_SIZE);
});

const addPages = defineHandler(
  'shmem.addPages',
  (node, args: { dentry: Handle; pages: ChargedPages[] }, context): void => {
    const dentry = node.dentries.get(args.dentry, context.step);
    dentry.pages = [...dentry.pages, ...args.pages];
  },
);

/**
 * shmem_file_write_iter, appending: one page of page cache for each 4096 bytes, charged as user memory to the memcg of the
 * writer. Evaluates to the bytes written, or -ENOMEM.
 */
export function* shmemWrite(cpu: Cpu, dentry: Handle, bytes: number): Coroutine<number> {
  const needed = yield* request(homeOf(dentry), grow, { dentry, bytes }, dentry);
  if (needed === 0) return bytes;
  const pages: ChargedPages[] = [];
  for (let n = 0; n < needed; n++) {
    const page = yield* call(allocChargedPages, cpu, 0, 'file');
    if (page !== null) pages.push(page);
  }
  yield* request(homeOf(dentry), addPages, { dentry, pages }, dentry);
  return pages.length === needed ? bytes : ENOMEM;
}

/** shmem_evict_inode: the pages of a file whose last name and holder are gone. */
export function* shmemEvict(cpu: Cpu, pages: readonly ChargedPages[]): Coroutine<void> {
  for (const page of pages) yield* call(freeChargedPages, cpu, page);
}
