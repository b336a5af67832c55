import { type Coroutine, call, requestAll, work } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import '../fs/super.js';
import { EEXIST, EINVAL, ENOMEM } from '../fs/types.js';
import { SlabFlag } from '../mm/slab/types.js';
import { kmemCacheCreate, withdrawName } from '../mm/slab-common/create.js';
import type { TaskRecord } from '../sched/task.js';
import { adoptTask } from '../sched/task-struct.js';
import { hrtimerNanosleep } from '../sched/timer.js';
import {
  sysChdir,
  sysClose,
  sysMkdir,
  sysOpen,
  sysPipe,
  sysRead,
  sysRmdir,
  sysSocket,
  sysStat,
  sysUnlink,
  sysWrite,
} from './files.js';
import {
  labBusy,
  labCensus,
  labChargeLate,
  labChildCaches,
  labChildDirectories,
  labFailslab,
  labFlushCreation,
  labFlushWorkqueue,
  labKeepLarge,
  labKeepObject,
  labMemoryShort,
  labReclaim,
  labReclaimBulk,
  labRecord,
  labUseCache,
} from './lab.js';
import { labMmapCharged, sysMmap, sysMunmap, touchArea } from './memory.js';
import { labRcu } from './rcu.js';
import { sysExit, sysFork, sysKill, sysPause, sysWait } from './tasks.js';

export type SyscallResult = number | string;

export interface Syscall {
  readonly name: SyscallName;
  readonly args: readonly (string | number)[];
}

/** The kernel's side of one system call of a task. */
export type SyscallFunction = (cpu: Cpu, task: TaskRecord, ...args: never[]) => Coroutine<SyscallResult>;

/** nanosleep(2), ns. -EINVAL if that is no time. */
function* sysNanosleep(cpu: Cpu, _task: TaskRecord, ns: number): Coroutine<number> {
  if (!(ns >= 0)) return EINVAL;
  yield* call(hrtimerNanosleep, cpu, ns);
  return 0;
}

/** clock_gettime(CLOCK_MONOTONIC), ns of the machine's time. */
// biome-ignore lint/correctness/useYield: a system call
function* sysClockGettime(cpu: Cpu): Coroutine<number> {
  return Math.round(cpu.now());
}

/** Flags of a module's cache by the letters that stand for them. */
const CACHE_FLAGS = { a: SlabFlag.account, r: SlabFlag.destroyByRcu, c: SlabFlag.ctor } as const;

/** A module is loaded whose init function makes one root cache of objects of `size` bytes; for `flags` see CACHE_FLAGS. */
function* sysInitModule(
  cpu: Cpu,
  _task: TaskRecord,
  name: string,
  objectSize: number,
  letters = '',
): Coroutine<number> {
  if (cpu.published.roots.get(name) !== 0) return EEXIST;
  let flags = 0;
  for (const letter of letters) flags |= CACHE_FLAGS[letter as keyof typeof CACHE_FLAGS] ?? 0;
  const cache = yield* call(kmemCacheCreate, cpu, { name, objectSize, flags });
  return cache === 0 ? ENOMEM : 0;
}

/** The module is unloaded and destroys its cache; its name is free when the call returns, whoever still refers to the cache. */
function* sysDeleteModule(cpu: Cpu, _task: TaskRecord, cacheName: string): Coroutine<number> {
  const cache = cpu.published.roots.get(cacheName);
  if (cache === 0) return EINVAL;
  yield* call(cpu.build.policies.slab.beforeDestroy, cpu, cache);
  const gone = yield* call(cpu.build.policies.memcg.destroyRoot, cpu, cache, cacheName);
  if (gone) yield* requestAll(cpu.allNodes, withdrawName, { name: cacheName, cache });
  return 0;
}

/** Every system call by name. */
const syscalls = {
  chdir: sysChdir,
  mkdir: sysMkdir,
  rmdir: sysRmdir,
  open: sysOpen,
  stat: sysStat,
  close: sysClose,
  read: sysRead,
  write: sysWrite,
  unlink: sysUnlink,
  mmap: sysMmap,
  touch: touchArea,
  munmap: sysMunmap,
  pipe: sysPipe,
  socket: sysSocket,
  fork: sysFork,
  exit: sysExit,
  wait: sysWait,
  pause: sysPause,
  kill: sysKill,
  nanosleep: sysNanosleep,
  clock_gettime: sysClockGettime,
  init_module: sysInitModule,
  delete_module: sysDeleteModule,
  lab_flush_workqueue: labFlushWorkqueue,
  lab_mmap_charged: labMmapCharged,
  lab_flush_creation: labFlushCreation,
  lab_use_cache: labUseCache,
  lab_keep_object: labKeepObject,
  lab_keep_large: labKeepLarge,
  lab_reclaim: labReclaim,
  lab_census: labCensus,
  lab_failslab: labFailslab,
  lab_charge_late: labChargeLate,
  lab_reclaim_bulk: labReclaimBulk,
  lab_memory_short: labMemoryShort,
  lab_child_caches: labChildCaches,
  lab_child_directories: labChildDirectories,
  lab_busy: labBusy,
  lab_record: labRecord,
  lab_rcu: labRcu,
} as const satisfies Record<string, SyscallFunction>;

export type SyscallName = keyof typeof syscalls;

/** entry_SYSCALL_64: run one system call of a task on this CPU. */
export function* doSyscall(cpu: Cpu, task: TaskRecord, syscall: Syscall): Coroutine<SyscallResult> {
  yield* work(cpu.costs['syscall.entry']);
  if (task.self === 0) yield* call(adoptTask, cpu, task);
  const fn = syscalls[syscall.name] as SyscallFunction;
  const { withBuffers } = cpu.build.policies.fs;
  if (withBuffers === null) return yield* call(fn, cpu, task, ...(syscall.args as never[]));
  return yield* call(withBuffers, cpu, task, syscall, fn);
}
