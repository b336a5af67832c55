import { type Program, sys } from '@kmemlab/kernel';
import { enterHierarchy, inCgroup, makeCgroup } from '../../../packages/experiments/src/hierarchy.js';
import type { GuestControl } from '../../../packages/experiments/src/lab/types.js';

export interface Scope {
  readonly memcgs: number;
  readonly files: number;
}

function* makeFiles(memcg: number, files: number): Program<void> {
  for (let file = 0; file < files; file++) yield* sys.close(yield* sys.create(`/tmp/${memcg}-${file}`));
}

/** One task goes into each memcg, makes its files there, and comes back. */
export function* fillProgram({ pid, tick }: GuestControl, { memcgs, files }: Scope): Program<void> {
  yield* enterHierarchy();
  const home = yield* sys.open('cgroup.procs');
  for (let memcg = 0; memcg < memcgs; memcg++) {
    const name = String(memcg);
    yield* makeCgroup(name);
    yield* inCgroup(name, { pid, home }, makeFiles(memcg, files));
    tick(memcg + 1);
  }
  yield* sys.flushCreation();
}

/** The memcgs go, the files stay. */
export function* removeProgram({ memcgs }: Scope): Program<void> {
  for (let memcg = 0; memcg < memcgs; memcg++) yield* sys.rmdir(String(memcg));
}
