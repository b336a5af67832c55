import { GuestError, type Program, sys } from '@kmemlab/kernel';

/** Where the hierarchy of the memory controller may be mounted: v1, v2. */
const HIERARCHIES = ['/mnt/cgroup/memory', '/sys/fs/cgroup'] as const;

/** A call that may fail with an errno; evaluates to whether it did not. */
export function* attempt(program: Program<unknown>): Program<boolean> {
  try {
    yield* program;
    return true;
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    return false;
  }
}

/** Go to the root of the memory controller's hierarchy, wherever it is mounted. */
export function* enterHierarchy(): Program<void> {
  for (const path of HIERARCHIES) if (yield* attempt(sys.chdir(path))) return;
}
