import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cgroupAttachTask } from '../cgroup/attach.js';
import { cssPut, cssTrygetOnline } from '../cgroup/css-ref.js';
import type { Cpu } from '../cpu.js';
import { mutexLock, mutexUnlock } from '../locking/mutex.js';
import { memCgroupForceEmpty } from '../mm/memcontrol/force-empty.js';
import type { CounterName, PageCounter } from '../mm/memcontrol/types.js';
import { UNLIMITED } from '../mm/memcontrol/types.js';
import { rootMemcg } from '../published-state.js';
import { defineHandler } from '../registry.js';
import type { TaskRecord } from '../sched/task.js';
import { slabinfoOf } from './slabinfo.js';
import { EINVAL, ENODEV, type Found } from './types.js';

const PAGE_SIZE = 4096;

/** One cgroup v1 control file: how to read and write it. */
export interface ControlFile {
  readonly read?: (cpu: Cpu, file: Found) => Coroutine<string>;
  readonly write?: (cpu: Cpu, file: Found, task: TaskRecord, text: string) => Coroutine<number>;
}

const readCounter = defineHandler(
  'pageCounter.read',
  (node, args: { css: Handle; counter: CounterName }, context): PageCounter => ({
    ...node.memcg(args.css, context.step).counters[args.counter],
  }),
);

const setLimit = defineHandler(
  'pageCounter.setLimit',
  (node, args: { css: Handle; counter: CounterName; limit: number }, context): boolean => {
    const counter = node.memcg(args.css, context.step).counters[args.counter];
    if (counter.usage > args.limit) return false;
    counter.limit = args.limit;
    return true;
  },
);

/** Suffixes that memparse knows, each 1024 times the one before. */
const UNITS = 'kmgtpe';

/**
 * page_counter_memparse: a decimal number of bytes with an optional suffix from K to E; −1 is no limit. Rounded down to
 * pages; null if it is no number.
 */
export function parseLimit(text: string): number | null {
  const [, number, suffix = ''] = /^(-1$|\d+)([kmgtpe]?)$/i.exec(text.trim()) ?? [];
  if (number === undefined) return null;
  if (number === '-1') return UNLIMITED;
  const unit = suffix === '' ? 1 : 1024 ** (UNITS.indexOf(suffix.toLowerCase()) + 1);
  return Math.min(UNLIMITED, Math.floor((Number(number) * unit) / PAGE_SIZE));
}

const limitText = (pages: number): string => String(BigInt(pages) * BigInt(PAGE_SIZE));

function counterFile(counter: CounterName, field: keyof PageCounter): ControlFile['read'] {
  return function* readCounterFile(_cpu, file) {
    const value = yield* request(homeOf(file.memcg), readCounter, { css: file.memcg, counter }, file.memcg);
    if (field === 'failures') return `${value.failures}\n`;
    return `${field === 'limit' ? limitText(value.limit) : value[field] * PAGE_SIZE}\n`;
  };
}

/** mem_cgroup_write: set a limit under memcg_limit_mutex; the root cgroup takes none. */
function limitFile(counter: CounterName): ControlFile {
  const write: ControlFile['write'] = function* memCgroupWrite(cpu, file, _task, text) {
    const limit = parseLimit(text);
    if (limit === null || file.memcg === rootMemcg(cpu.published)) return EINVAL;
    yield* call(mutexLock, cpu, 'memcg_limit_mutex');
    const css = file.memcg;
    const ok = yield* request(homeOf(css), setLimit, { css, counter, limit }, css);
    yield* call(mutexUnlock, cpu, 'memcg_limit_mutex');
    return ok ? text.length : EBUSY;
  };
  return { read: counterFile(counter, 'limit') as NonNullable<ControlFile['read']>, write };
}

const EBUSY = -16;

const read = (reader: ControlFile['read']): ControlFile => (reader === undefined ? {} : { read: reader });

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
  ['memory.kmem.slabinfo', { read: (cpu, file) => slabinfoOf(cpu, file.memcg) }],
  ['memory.force_empty', { write: writeForceEmpty }],
  ['cgroup.procs', { write: writeProcs }],
  ['tasks', { write: writeProcs }],
]);

/** mem_cgroup_force_empty_write: whatever is written; the root cgroup takes none. */
function* writeForceEmpty(cpu: Cpu, { memcg }: Found, _task: TaskRecord, text: string): Coroutine<number> {
  if (memcg === rootMemcg(cpu.published)) return EINVAL;
  if (!(yield* call(cssTrygetOnline, cpu, memcg))) return ENODEV;
  yield* call(memCgroupForceEmpty, cpu, memcg);
  yield* call(cssPut, cpu, memcg);
  return text.length;
}

/** __cgroup_procs_write: the model's tasks only move themselves. */
function* writeProcs(cpu: Cpu, file: Found, task: TaskRecord, text: string): Coroutine<number> {
  const pid = Number(text.trim());
  if (pid !== 0 && pid !== task.pid) return ESRCH;
  const result = yield* call(cgroupAttachTask, cpu, task, { self: file.cgroup, memory: file.memcg });
  return result === 0 ? text.length : result;
}

const ESRCH = -3;
