import { type Program, sys, writeFile } from '@kmemlab/kernel';
import type { CheckedMachine, GuestTask } from './checked-machine.js';

const SECOND = 1e9;
/** Memcgs that each task makes. */
const LOOPS = 3;
const HIERARCHY = '/mnt/cgroup/memory';

/**
 * A task makes memcgs of its own, enters each, makes and removes files and memory there. It leaves every second one at
 * once, with nothing left in it; from the others a file stays, and the lookup of the next one.
 */
const makeMemcgs = (cpu: number, loops: number): GuestTask => ({
  name: `make/${cpu}`,
  placement: cpu % 2 === 0 ? { kind: 'pinned', cpu } : { kind: 'spread' },
  *program(pid): Program<void> {
    yield* sys.chdir(HIERARCHY);
    for (let i = 0; i < loops; i++) {
      const name = `${cpu}-${i}`;
      yield* sys.mkdir(name);
      yield* writeFile(`${name}/memory.limit_in_bytes`, '1G\n');
      yield* writeFile(`${name}/cgroup.procs`, `${pid}\n`);
      yield* useMemory(`/tmp/${name}a`);
      yield* sys.flushWorkqueue('memcg_kmem_cache_create');
      yield* useMemory(`/tmp/${name}b`);
      if (i % 2 === 0) yield* writeFile('cgroup.procs', `${pid}\n`);
      else yield* sys.close(yield* sys.create(`/tmp/${name}`));
    }
    yield* writeFile('cgroup.procs', `${pid}\n`);
  },
});

/** Some objects of several caches: those of a mapped area and of a short-lived file. */
function* useMemory(path: string): Program<void> {
  const area = yield* sys.mmap();
  yield* sys.touch(area);
  yield* sys.close(yield* sys.create(path));
  yield* sys.unlink(path);
  yield* sys.munmap(area);
}

/** New tunables for the dentry cache and all its children. */
const tune = (cpu: number, writes: number): GuestTask => ({
  name: 'tune',
  placement: { kind: 'pinned', cpu },
  *program(): Program<void> {
    for (let i = 0; i < writes; i++) yield* writeFile('/proc/slabinfo', `dentry ${i % 2 === 0 ? 40 : 120} 20 8\n`);
  },
});

/** Files on tmpfs and reads of /proc, while something else goes on. */
const files = (cpu: number, count: number): GuestTask => ({
  name: `files/${cpu}`,
  placement: cpu % 2 === 0 ? { kind: 'walk' } : { kind: 'pinned', cpu },
  *program(pid): Program<void> {
    for (let i = 0; i < count; i++) {
      yield* sys.close(yield* sys.create(`/tmp/f${pid}`));
      yield* sys.unlink(`/tmp/f${pid}`);
      yield* sys.nanosleep(200_000);
    }
  },
});

/** Remove the memcgs, then their last files; between that, time for cache_reap. */
const removeMemcgs = (cpu: number, loops: number): GuestTask => ({
  name: `remove/${cpu}`,
  placement: { kind: 'pinned', cpu },
  *program(): Program<void> {
    yield* sys.chdir(HIERARCHY);
    for (let i = 0; i < loops; i++) yield* sys.rmdir(`${cpu}-${i}`);
    for (let n = 0; n < 3; n++) yield* sys.nanosleep(SECOND);
    for (let i = 1; i < loops; i += 2) yield* sys.unlink(`/tmp/${cpu}-${i}`);
    for (let n = 0; n < 5; n++) yield* sys.nanosleep(SECOND);
  },
});

/** A module makes a root cache and takes it away again. */
const module = (cpu: number): GuestTask => ({
  name: 'modprobe',
  placement: { kind: 'pinned', cpu },
  *program(): Program<void> {
    yield* sys.initModule('module_cache', 300);
    yield* sys.deleteModule('module_cache');
  },
});

/** Everything that 4.10 does with caches, in a short time: create, tune, remove, reap, from all of these CPUs at once. */
function workoutOn(checked: CheckedMachine, cpus: readonly number[], last: number): void {
  checked
    .boot()
    .phase(...cpus.map((cpu) => makeMemcgs(cpu, LOOPS)))
    .phase(tune(0, 4), ...cpus.map((cpu) => files(cpu, 30)))
    .phase(...cpus.map((cpu) => removeMemcgs(cpu, LOOPS)), module(last));
}

/** The workout on all CPUs. */
export function workout(checked: CheckedMachine, cpuCount: number): void {
  workoutOn(
    checked,
    Array.from({ length: cpuCount }, (_, cpu) => cpu),
    cpuCount - 1,
  );
}

/** The workout with all work on CPU 0, so that the others are idle. */
export function lonelyWorkout(checked: CheckedMachine): void {
  workoutOn(checked, [0], 0);
}

/** slab_mutex is held most of the time while cache_reap comes due. */
export function tuneForSeconds(checked: CheckedMachine): void {
  checked.boot().phase(tune(0, 200), files(1, 100));
}
