import { type Placement, type Program, sys, writeFile } from '@kmemlab/kernel';

/** A task that stays on one CPU. */
export const pinned = (cpu: number): Placement => ({ kind: 'pinned', cpu });

/** Have a task on a CPU moved into a cgroup before it does anything; it has done its work and exited when this is over. */
export function* workIn(cgroup: string, name: string, cpu: number, work: () => Program<void>): Program<void> {
  const program = function* worker(): Program<void> {
    yield* sys.pause();
    yield* work();
  };
  const pid = yield* sys.fork({ name, program, placement: pinned(cpu) });
  yield* writeFile(`${cgroup}/cgroup.procs`, `${pid}\n`);
  yield* sys.kill(pid);
  yield* sys.wait();
}
