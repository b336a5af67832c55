import { BOOT_CPU, BOOT_NODE, type Coroutine, call, type Handle, request, requestAll } from '@kmemlab/machine';
import { allocateCgroup, countCgroups, publishCss } from '../cgroup/handlers.js';
import type { CssPair } from '../cgroup/types.js';
import type { Cpu } from '../cpu.js';
import { newDentry } from '../fs/dentry-handlers.js';
import type { FsType } from '../fs/types.js';
import { startBusyTask } from '../guest/busy-task.js';
import { createCache } from '../mm/slab-common/create.js';
import { kmemCacheAlias } from '../mm/slab-common/merge.js';
import { Scalar } from '../published-state.js';
import { bootCaches } from './boot-caches.js';
import '../rcu/grace-period.js';
import { rcuOnline } from '../rcu/hotplug.js';
import { defineFunction, defineHandler } from '../registry.js';

const setCpuOnline = defineHandler('boot.setCpuOnline', (node, args: { cpu: number }): void => {
  rcuOnline(node, args.cpu);
  node.published.setOnline(args.cpu);
});

/** isolated_cpu_setup. */
const setIsolated = defineHandler('boot.setIsolated', (node, args: { cpus: readonly number[] }): void => {
  for (const cpu of args.cpus) node.published.setIsolated(cpu);
});

const setSlabFull = defineHandler('boot.setSlabFull', (node, _args: null): void => {
  node.published.setScalar(Scalar.slabFull, 1);
});

const wakeCpu = defineHandler('boot.wakeCpu', (_node, args: { cpu: number }, context): void => {
  context.wakeThread(args.cpu, 'cpu_startup', 0);
});

const setRoots = defineHandler('boot.setRoots', (node, args: { memcg: Handle; rootDentry: Handle }): void => {
  node.published.setScalar(Scalar.rootMemcg, args.memcg);
  node.published.setScalar(Scalar.rootDentry, args.rootDentry);
});

/** Directories, and control files of the root cgroup, that exist from boot on; their dentries are not slab objects of the model. */
const makeMount = defineHandler(
  'boot.makeMount',
  (node, args: { parent: Handle; name: string; fs: FsType; pair: CssPair; directory: boolean }): Handle => {
    const { parent, name, fs, pair, directory } = args;
    const inode = node.inodes.allocate({ object: 0, cache: 0 });
    const common = { name, parent, fs, directory, object: 0, cache: 0, inode, holders: 0 };
    const dentry = node.dentries.allocate(newDentry({ ...common, cgroup: pair.self, memcg: pair.memory }, false));
    if (parent !== 0) node.dentries.peek(parent)?.children.set(name, dentry);
    return dentry;
  },
);

/** The same mounted directory under a second parent: both paths lead to the same dentries. */
const bindMount = defineHandler(
  'boot.bindMount',
  (node, args: { parent: Handle; name: string; dentry: Handle }): void => {
    node.dentries.peek(args.parent)?.children.set(args.name, args.dentry);
  },
);

/** Where the hierarchy of the memory controller is mounted. */
const HIERARCHIES = { v1: ['mnt/cgroup/memory', 'sys/fs/cgroup/memory'], v2: ['sys/fs/cgroup'] } as const;

const NO_CSS: CssPair = { self: 0, memory: 0 };

/**
 * start_kernel, as far as the model goes: root caches with one CPU online, then what the allocator does late (SLAB replaces
 * one-entry arrays, one kick each); then the cgroup hierarchy, mounts, and the other CPUs.
 */
export function* startKernel(cpu: Cpu): Coroutine<void> {
  yield* requestAll(cpu.allNodes, setCpuOnline, { cpu: BOOT_CPU });
  const { isolcpus = [] } = cpu.build.config;
  if (isolcpus.length > 0) yield* requestAll(cpu.allNodes, setIsolated, { cpus: isolcpus });
  const caches: Handle[] = [];
  for (const spec of bootCaches(cpu.build)) {
    const merged = /^kmalloc-/.test(spec.name) ? 0 : yield* call(kmemCacheAlias, cpu, spec);
    if (merged === 0) caches.push(yield* call(createCache, cpu, spec, 0, 0));
  }
  yield* call(cpu.build.allocator.initLate, cpu, caches);
  yield* requestAll(cpu.allNodes, setSlabFull, null);
  yield* call(cgroupInit, cpu);
  yield* call(smpInit, cpu);
}

/** The root cgroup and the directories of the file system. */
function* cgroupInit(cpu: Cpu): Coroutine<void> {
  const pair = yield* request(BOOT_NODE, allocateCgroup, {
    name: '/',
    parent: NO_CSS,
    serial: 1,
    counterParent: 0,
    useHierarchy: cpu.build.config.cgroup === 'v2',
    statisticsOwner: 0,
    cacheListReady: cpu.build.policies.memcg.childCaches?.listReadyFrom === 'alloc',
  });
  for (const css of [pair.self, pair.memory]) {
    yield* requestAll(cpu.allNodes, publishCss, { css, parent: 0 });
  }
  yield* request(BOOT_NODE, countCgroups, { by: 1 });
  const mount = function* (parent: Handle, name: string, fs: FsType, css = NO_CSS): Coroutine<Handle> {
    return yield* request(BOOT_NODE, makeMount, { parent, name, fs, pair: css, directory: true });
  };
  const root = yield* call(mount, 0, '/', 'root');
  yield* call(mount, root, 'proc', 'proc');
  yield* call(mount, root, 'tmp', 'tmpfs');
  let [hierarchy, sys] = [0, 0];
  for (const place of HIERARCHIES[cpu.build.config.cgroup]) {
    const path = place.split('/');
    const name = path.pop() as string;
    let parent = root;
    for (const directory of path) {
      parent = yield* call(mount, parent, directory, 'root');
      if (directory === 'sys') sys = parent;
    }
    if (hierarchy === 0) hierarchy = yield* call(mount, parent, name, 'cgroup', pair);
    else yield* request(BOOT_NODE, bindMount, { parent, name, dentry: hierarchy });
  }
  for (const name of cpu.build.policies.fs.cgroupFiles ?? []) {
    yield* request(BOOT_NODE, makeMount, { parent: hierarchy, name, fs: 'cgroup', pair, directory: false });
  }
  if (cpu.build.allocator.name === 'slub') {
    const kernel = yield* call(mount, sys, 'kernel', 'root');
    yield* call(mount, kernel, 'slab', 'sysfs');
  }
  yield* requestAll(cpu.allNodes, setRoots, { memcg: pair.memory, rootDentry: root });
}

/** smp_init: the other CPUs come online one after the other; every CPU starts its cache_reap. */
function* smpInit(cpu: Cpu): Coroutine<void> {
  for (let id = 0; id < cpu.topology.cpuCount; id++) {
    if (id !== BOOT_CPU) yield* requestAll(cpu.allNodes, setCpuOnline, { cpu: id });
    cpu.counters.add('cpu_up');
    yield* request(cpu.nodeOf(id), wakeCpu, { cpu: id });
  }
}

defineFunction('thread', 'cpu_startup', function* cpuStartup(cpu) {
  yield* call(cpu.build.allocator.startCpu, cpu);
  startBusyTask(cpu);
});
