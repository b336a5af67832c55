import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { Allocation } from '../mm/slab-common/alloc.js';
import { kfree, kmalloc } from '../mm/slab-common/kmalloc.js';
import { defineHandler } from '../registry.js';

const keepStructures = defineHandler(
  'cgroup.keepStructures',
  (node, args: { self: Handle; structures: readonly Allocation[] }): void => {
    node.cgroupMemory.set(args.self, { structures: args.structures, files: [] });
  },
);

const takeStructures = defineHandler('cgroup.takeStructures', (node, args: { self: Handle }): readonly Allocation[] => {
  const memory = node.cgroupMemory.get(args.self);
  node.cgroupMemory.delete(args.self);
  return memory === undefined ? [] : [...memory.structures, ...memory.files];
});

export const keepFiles = defineHandler(
  'cgroup.keepFiles',
  (node, args: { self: Handle; files: readonly Allocation[] }): void => {
    const memory = node.cgroupMemory.get(args.self);
    if (memory !== undefined) memory.files = args.files;
  },
);

const takeFiles = defineHandler('cgroup.takeFiles', (node, args: { self: Handle }): readonly Allocation[] => {
  const memory = node.cgroupMemory.get(args.self);
  const files = memory?.files ?? [];
  if (memory !== undefined) memory.files = [];
  return files;
});

/**
 * What 3.14 keeps for a new cgroup with the memory controller, bytes: struct cgroup; its name (cgroup_name: an rcu_head and
 * the text); struct mem_cgroup; and mem_cgroup_per_node for each node. Whoever makes the directory pays.
 */
export const structures314 = (cpu: Cpu): readonly number[] => [
  CGROUP_BYTES,
  NAME_BYTES,
  MEM_CGROUP_BYTES,
  ...cpu.allNodes.map(() => PER_NODE_BYTES),
];

const CGROUP_BYTES = 400;
const NAME_BYTES = 20;
const MEM_CGROUP_BYTES = 1400;
const PER_NODE_BYTES = 800;

/** The memory of a new cgroup, if the version's allocations are modelled. */
export function* allocateStructures(cpu: Cpu, self: Handle): Coroutine<void> {
  const { structures } = cpu.build.policies.cgroup;
  if (structures === null) return;
  const allocated: Allocation[] = [];
  for (const bytes of structures(cpu)) allocated.push(yield* call(kmalloc, cpu, bytes));
  yield* request(homeOf(self), keepStructures, { self, structures: allocated }, self);
}

/** The cgroup is freed. */
export function* freeStructures(cpu: Cpu, self: Handle): Coroutine<void> {
  if (cpu.build.policies.cgroup.structures === null) return;
  for (const memory of yield* request(homeOf(self), takeStructures, { self }, self)) yield* call(kfree, cpu, memory);
}

/** The control files of a removed cgroup are gone. */
export function* freeFileStructures(cpu: Cpu, self: Handle): Coroutine<void> {
  if (cpu.build.policies.cgroup.structures === null) return;
  for (const memory of yield* request(homeOf(self), takeFiles, { self }, self)) yield* call(kfree, cpu, memory);
}
