import { BOOT_NODE, type Coroutine, call, request } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { fileOf } from '../fs/file.js';
import { PAGE_SIZE } from '../mm/page.js';
import { type Allocation, kmemCacheAlloc } from '../mm/slab-common/alloc.js';
import { kfree, kmalloc } from '../mm/slab-common/kmalloc.js';
import { defineHandler } from '../registry.js';
import type { OpenFile, TaskRecord } from '../sched/task.js';
import { STDOUT } from './files.js';
import type { Syscall, SyscallFunction, SyscallName, SyscallResult } from './table.js';

/*
 * Memory that system calls of 3.14 take besides dentries and inodes. In 3.14 all of it is charged to the caller's memcg, so
 * it decides which caches a memcg gets; later kernels do not account it. (t) = freed by the same call.
 *
 * every call with a path     names_cache (t): the path name (getname)
 * open of a control file     seq_file, struct cgroup_open_file; until close
 * open of a file in /proc    struct pde_opener, seq_file; of a single_open file also its seq_operations; until close
 * first read of one of these a page for the text; until close
 * write to a control file    the text (t)
 * write of a pid             a flex_array of one page for the tasks to move (t): charged to the memcg that the writer is in
 * first write to the tty     tty->write_buf, 2 KiB: stays with the tty
 */

const PATH_CALLS: ReadonlySet<SyscallName> = new Set(['chdir', 'mkdir', 'rmdir', 'open', 'unlink']);
/** Files of /proc that are shown by single_open. */
const SINGLE_OPEN: ReadonlySet<string> = new Set(['/proc/cgroups']);
const TASK_FILES = /(^|\/)(cgroup\.procs|tasks)$/;

const SEQ_FILE = 120;
const SEQ_OPERATIONS = 32;
const CGROUP_OPEN_FILE = 16;
const PDE_OPENER = 40;
const TTY_WRITE_BUFFER = 2048;

/** tty->write_buf, 0 for none. */
const readTtyBuffer = defineHandler('tty.readBuffer', (node, _args: null): boolean => node.ttyBuffer !== null);

const setTtyBuffer = defineHandler('tty.setBuffer', (node, args: Allocation): boolean => {
  const first = node.ttyBuffer === null;
  if (first) node.ttyBuffer = args;
  return first;
});

/** do_tty_write: the tty's buffer comes into being with the first write. */
function* ttyWriteBuffer(cpu: Cpu): Coroutine<void> {
  if (yield* request(BOOT_NODE, readTtyBuffer, null)) return;
  const buffer = yield* call(kmalloc, cpu, TTY_WRITE_BUFFER);
  if (!(yield* request(BOOT_NODE, setTtyBuffer, buffer))) yield* call(kfree, cpu, buffer);
}

/** What opening a file keeps until it is closed, bytes each. */
function openSizes({ fs, path }: OpenFile): readonly number[] {
  if (fs === 'cgroup') return [SEQ_FILE, CGROUP_OPEN_FILE];
  if (fs !== 'proc') return [];
  return SINGLE_OPEN.has(path) ? [PDE_OPENER, SEQ_OPERATIONS, SEQ_FILE] : [PDE_OPENER, SEQ_FILE];
}

function* keep(cpu: Cpu, file: OpenFile, sizes: readonly number[]): Coroutine<void> {
  for (const bytes of sizes) file.buffers = [...(file.buffers ?? []), yield* call(kmalloc, cpu, bytes)];
}

/** What the call takes and gives back itself. */
function* takeTemporary(cpu: Cpu, task: TaskRecord, { name, args }: Syscall): Coroutine<Allocation[]> {
  if (PATH_CALLS.has(name)) return [yield* call(kmemCacheAlloc, cpu, 'names_cache')];
  if (name !== 'write') return [];
  const [fd, text] = args as [number, string];
  if (fd === STDOUT) yield* call(ttyWriteBuffer, cpu);
  const file = fileOf(task, fd);
  if (file?.fs !== 'cgroup') return [];
  const buffer = yield* call(kmalloc, cpu, text.length + 1);
  return TASK_FILES.test(file.path) ? [buffer, yield* call(kmalloc, cpu, PAGE_SIZE)] : [buffer];
}

/** Policy `fs.withBuffers` of 3.14: runs a system call between taking and giving back the memory that it needs besides. */
export function* withBuffers314(
  cpu: Cpu,
  task: TaskRecord,
  syscall: Syscall,
  run: SyscallFunction,
): Coroutine<SyscallResult> {
  const { name, args } = syscall;
  const closing = name === 'close' ? (fileOf(task, args[0] as number)?.buffers ?? []) : [];
  const reading = name === 'read' ? fileOf(task, args[0] as number) : undefined;
  if (reading !== undefined && reading.content === null && reading.fs !== 'tmpfs')
    yield* call(keep, cpu, reading, [PAGE_SIZE]);
  const temporary = yield* call(takeTemporary, cpu, task, syscall);
  const result = yield* call(run, cpu, task, ...(args as never[]));
  const opened = name === 'open' ? fileOf(task, result as number) : undefined;
  if (opened !== undefined) yield* call(keep, cpu, opened, openSizes(opened));
  for (const memory of [...temporary, ...closing]) yield* call(kfree, cpu, memory);
  return result;
}
