import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { allocChargedPages, type ChargedPages, freeChargedPages } from '../mm/memcontrol/charge-page.js';
import { freeObject, takeObject } from '../mm/slab-common/objects.js';
import { defineHandler } from '../registry.js';
import { dAllocPseudo } from './dcache.js';
import { ENOMEM, type Found, type Pipe } from './types.js';

const makePipe = defineHandler('pipe.make', (node, args: { dentry: Handle; objects: Pipe['objects'] }): void => {
  node.pipes.set(args.dentry, { users: 2, objects: args.objects, buffer: null });
});

/** False if the pipe has a buffer page already: the new one is not needed. */
const giveBuffer = defineHandler('pipe.giveBuffer', (node, args: { dentry: Handle; buffer: ChargedPages }): boolean => {
  const pipe = node.pipes.get(args.dentry);
  if (pipe === undefined || pipe.buffer !== null) return false;
  pipe.buffer = args.buffer;
  return true;
});

const hasBuffer = defineHandler(
  'pipe.hasBuffer',
  (node, args: { dentry: Handle }): boolean => node.pipes.get(args.dentry)?.buffer !== null,
);

/** One end less; with the last, the pipe's memory is the caller's to free. */
const dropEnd = defineHandler('pipe.dropEnd', (node, args: { dentry: Handle }): Pipe | null => {
  const pipe = node.pipes.get(args.dentry);
  if (pipe === undefined || --pipe.users > 0) return null;
  node.pipes.delete(args.dentry);
  return pipe;
});

/**
 * create_pipe_files (4.10): inode_cache, the pipe_inode_info (kmalloc-192) and its ring of 16 buffers (kmalloc-1024), both
 * __GFP_ACCOUNT, and a dentry. Both ends hold the dentry. Evaluates to null if memory is denied.
 */
export function* createPipe(cpu: Cpu): Coroutine<Found | null> {
  const info = yield* call(takeObject, cpu, 'kmalloc-192', true);
  if (info === null) return null;
  const ring = yield* call(takeObject, cpu, 'kmalloc-1024', true);
  const found = ring === null ? null : yield* call(dAllocPseudo, cpu, 'pipe', 'inode_cache', 2);
  if (ring === null || found === null) {
    if (ring !== null) yield* call(freeObject, cpu, ring);
    yield* call(freeObject, cpu, info);
    return null;
  }
  const { dentry } = found;
  yield* request(homeOf(dentry), makePipe, { dentry, objects: [info, ring] }, dentry);
  return found;
}

/** pipe_write: the first write takes a page of kernel memory, which the pipe keeps until both ends are closed. */
export function* pipeWrite(cpu: Cpu, dentry: Handle, length: number): Coroutine<number> {
  if (yield* request(homeOf(dentry), hasBuffer, { dentry }, dentry)) return length;
  const buffer = yield* call(allocChargedPages, cpu, 0, 'kernel');
  if (buffer === null) return ENOMEM;
  const used = yield* request(homeOf(dentry), giveBuffer, { dentry, buffer }, dentry);
  if (!used) yield* call(freeChargedPages, cpu, buffer);
  return length;
}

/** pipe_release: with the last end, free_pipe_info. */
export function* pipeRelease(cpu: Cpu, dentry: Handle): Coroutine<void> {
  const pipe = yield* request(homeOf(dentry), dropEnd, { dentry }, dentry);
  if (pipe === null) return;
  if (pipe.buffer !== null) yield* call(freeChargedPages, cpu, pipe.buffer);
  for (const object of pipe.objects) yield* call(freeObject, cpu, object);
}
