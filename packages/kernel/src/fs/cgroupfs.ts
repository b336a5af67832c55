import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import { cgroupAttachTask } from '../cgroup/attach.js';
import { cssPut, cssTrygetOnline } from '../cgroup/css-ref.js';
import type { Cpu } from '../cpu.js';
import { memCgroupForceEmpty } from '../mm/memcontrol/force-empty.js';
import type { CounterName, PageCounter } from '../mm/memcontrol/types.js';
import { memCgroupHierarchyWrite, readUseHierarchy } from '../mm/memcontrol/use-hierarchy.js';
import { rootMemcg } from '../published-state.js';
import { defineHandler } from '../registry.js';
import type { TaskRecord } from '../sched/task.js';
import { EINVAL, ENODEV, type Found } from './types.js';

/** One control file: how to read and write it. */
export interface ControlFile {
  readonly read?: (cpu: Cpu, file: Found) => Coroutine<string | number>;
  readonly write?: (cpu: Cpu, file: Found, task: TaskRecord, text: string) => Coroutine<number>;
  /** A write does not keep its active reference (kernfs_break_active_protection). */
  readonly breaksActive?: boolean;
}

export const readCounter = defineHandler(
  'pageCounter.read',
  (node, args: { css: Handle; counter: CounterName }, context): PageCounter => ({
    ...node.memcg(args.css, context.step).counters[args.counter],
  }),
);

function counterFile(counter: CounterName, field: keyof PageCounter): ControlFile['read'] {
  return function* readCounterFile(cpu, file) {
    const { limits } = cpu.build.policies.memcg;
    const value = yield* request(homeOf(file.memcg), readCounter, { css: file.memcg, counter }, file.memcg);
    if (field === 'failures') return `${value.failures}\n`;
    return `${field === 'limit' ? limits.show(value.limit) : value[field] * limits.unit}\n`;
  };
}

/** mem_cgroup_write: set a limit as the version does; the root cgroup takes none. */
function limitFile(counter: CounterName): ControlFile {
  const write: ControlFile['write'] = function* memCgroupWrite(cpu, file, _task, text) {
    const { limits } = cpu.build.policies.memcg;
    const limit = limits.parse(text);
    if (limit === null || file.memcg === rootMemcg(cpu.published)) return EINVAL;
    return (yield* call(limits.set, cpu, file.memcg, counter, limit)) || text.length;
  };
  return { read: counterFile(counter, 'limit') as NonNullable<ControlFile['read']>, write };
}

const read = (reader: ControlFile['read']): ControlFile => (reader === undefined ? {} : { read: reader });

/** Pids of this node's tasks in a memcg, but for exiting ones. */
const listPids = defineHandler('cgroup.pids', (node, args: { memcg: Handle }): number[] =>
  node.tasks
    .entries()
    .filter(([, { pid, exiting }]) => !exiting && node.published.tasks.memcgOf(pid) === args.memcg)
    .map(([, { pid }]) => pid),
);

function* readProcs(cpu: Cpu, { memcg }: Found): Coroutine<string> {
  const pids = (yield* requestAll(cpu.allNodes, listPids, { memcg })).flat().sort((a, b) => a - b);
  return pids.map((pid) => `${pid}\n`).join('');
}

/** cgroup.procs: the tasks of a cgroup; a pid that is written moves there. */
export const procsFile: ControlFile = { read: readProcs, write: writeProcs, breaksActive: true };

function* readHierarchy(_cpu: Cpu, { memcg }: Found): Coroutine<string> {
  return `${Number(yield* request(homeOf(memcg), readUseHierarchy, { css: memcg }, memcg))}\n`;
}

function* writeHierarchy(cpu: Cpu, { memcg }: Found, _task: TaskRecord, text: string): Coroutine<number> {
  return (yield* call(memCgroupHierarchyWrite, cpu, memcg, Number(text.trim()))) || text.length;
}

/** cgroup v1 files of the memory controller, by name. */
export const controlFiles: ReadonlyMap<string, ControlFile> = new Map<string, ControlFile>([
  ['memory.limit_in_bytes', limitFile('memory')],
  ['memory.usage_in_bytes', read(counterFile('memory', 'usage'))],
  ['memory.max_usage_in_bytes', read(counterFile('memory', 'max'))],
  ['memory.failcnt', read(counterFile('memory', 'failures'))],
  ['memory.kmem.limit_in_bytes', limitFile('kmem')],
  ['memory.kmem.usage_in_bytes', read(counterFile('kmem', 'usage'))],
  ['memory.kmem.max_usage_in_bytes', read(counterFile('kmem', 'max'))],
  ['memory.kmem.failcnt', read(counterFile('kmem', 'failures'))],
  ['memory.kmem.slabinfo', { read: (cpu, file) => cpu.build.policies.memcg.slabinfo(cpu, file.memcg) }],
  ['memory.use_hierarchy', { read: readHierarchy, write: writeHierarchy }],
  ['memory.force_empty', { write: writeForceEmpty }],
  ['cgroup.procs', procsFile],
  ['tasks', procsFile],
]);

/** mem_cgroup_force_empty_write: whatever is written; the root cgroup takes none. */
function* writeForceEmpty(cpu: Cpu, { memcg }: Found, _task: TaskRecord, text: string): Coroutine<number> {
  if (memcg === rootMemcg(cpu.published)) return EINVAL;
  if (!(yield* call(cssTrygetOnline, cpu, memcg))) return ENODEV;
  yield* call(memCgroupForceEmpty, cpu, memcg);
  yield* call(cssPut, cpu, memcg);
  return text.length;
}

/** __cgroup_procs_write: move the task of this pid; 0 is the writer. Active protection is broken: it takes cgroup_mutex, which rmdir holds. */
function* writeProcs(cpu: Cpu, file: Found, task: TaskRecord, text: string): Coroutine<number> {
  const pid = Number(text.trim());
  if (!Number.isInteger(pid) || pid < 0) return EINVAL;
  const target = pid === 0 ? task.pid : pid;
  const result = yield* call(cgroupAttachTask, cpu, target, { self: file.cgroup, memory: file.memcg });
  return result === 0 ? text.length : result;
}
