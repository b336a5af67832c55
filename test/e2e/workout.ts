import { type Program, sys, writeFile } from '@kmemlab/kernel';
import type { CheckedMachine, GuestTask } from './checked-machine.js';

const SECOND = 1e9;
const HIERARCHY = '/mnt/cgroup/memory';

/** A task makes memcgs of its own, enters each, makes and removes files and memory there, and leaves them behind. */
const makeMemcgs = (cpu: number, loops: number): GuestTask => ({
  name: `make/${cpu}`,
  placement: { kind: 'pinned', cpu },
  *program(pid): Program<void> {
    yield* sys.chdir(HIERARCHY);
    for (let i = 0; i < loops; i++) {
      const name = `${cpu}-${i}`;
      yield* sys.mkdir(name);
      yield* writeFile(`${name}/memory.limit_in_bytes`, '1G\n');
      yield* writeFile(`${name}/cgroup.procs`, `${pid}\n`);
      for (const file of ['a', 'b']) {
        const area = yield* sys.mmap();
        yield* sys.touch(area);
        yield* sys.close(yield* sys.create(`/tmp/${name}${file}`));
        if (file === 'a') yield* sys.unlink(`/tmp/${name}${file}`);
        yield* sys.munmap(area);
      }
    }
    yield* sys.flushWorkqueue('memcg_kmem_cache_create');
    yield* sys.close(yield* sys.create(`/tmp/${cpu}-late`));
    yield* writeFile('cgroup.procs', `${pid}\n`);
  },
});

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
  placement: { kind: 'walk' },
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
    for (let i = 0; i < loops; i++) yield* sys.unlink(`/tmp/${cpu}-${i}b`);
    yield* sys.unlink(`/tmp/${cpu}-late`);
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

/** Everything that 4.10 does with caches, in a short time: create, tune, remove, reap, from all CPUs at once. */
export function workout(checked: CheckedMachine, cpuCount: number, loops = 3): void {
  const cpus = Array.from({ length: cpuCount }, (_, cpu) => cpu);
  checked
    .boot()
    .phase(...cpus.map((cpu) => makeMemcgs(cpu, loops)))
    .phase(tune(0, 4), ...cpus.map((cpu) => files(cpu, 30)))
    .phase(...cpus.map((cpu) => removeMemcgs(cpu, loops)), module(cpuCount - 1));
}
