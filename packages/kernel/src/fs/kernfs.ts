import { type Coroutine, type Handle, homeOf, request, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';

/** Fails once the cgroup's files are being removed, or the cgroup is gone: an open file may outlive it. */
export const getActive = defineHandler('kernfs.getActive', (node, args: { self: Handle }): boolean => {
  const files = node.csses.peek(args.self)?.cgroup?.files;
  if (files === undefined || files.deactivated) return false;
  files.active++;
  return true;
});

const putActive = defineHandler('kernfs.putActive', (node, args: { self: Handle }, context): void => {
  const { files } = node.cgroup(args.self, context.step);
  files.active--;
  if (!files.deactivated || files.active > 0 || files.drainer === 0) return;
  context.complete(files.drainer, 0);
  files.drainer = 0;
});

/** Answers true if nobody is active. */
const deactivate = defineHandler(
  'kernfs.deactivate',
  (node, args: { self: Handle; waiter: number }, context): boolean => {
    const { files } = node.cgroup(args.self, context.step);
    files.deactivated = true;
    if (files.active > 0) files.drainer = args.waiter;
    return files.active === 0;
  },
);

/**
 * kernfs_get_active on a control file of a cgroup, around one operation on it. Evaluates to false if it has been removed.
 * The model counts the active references of all files of a cgroup together: they are removed together.
 */
export function* kernfsGetActive(self: Handle): Coroutine<boolean> {
  return yield* request(homeOf(self), getActive, { self }, self);
}

/** kernfs_put_active; the last one wakes who drains. */
export function* kernfsPutActive(self: Handle): Coroutine<void> {
  yield* request(homeOf(self), putActive, { self }, self);
}

/** kernfs_drain, as files are removed: no new operation begins, and those in progress are waited for. Process context. */
export function* kernfsDrain(cpu: Cpu, self: Handle): Coroutine<void> {
  const waiter = cpu.newWaiter();
  if (yield* request(homeOf(self), deactivate, { self, waiter }, self)) cpu.dropWaiter(waiter);
  else yield* wait(waiter);
}
