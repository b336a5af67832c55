import { EAGAIN, EPERM } from '../fs/types.js';
import type { Syscall, SyscallName, SyscallResult } from '../syscalls/table.js';
import type { Placement } from './agent.js';

/** What a fork starts: the program of the child, which stays on the node of its parent's, and where its calls run. */
export interface Child {
  readonly name: string;
  readonly program: (pid: number) => Program<unknown>;
  /** Its parent's placement if absent. */
  readonly placement?: Placement;
}

/** A system call as a program makes it; `child` comes with fork and does not leave the node. */
export interface Invocation extends Syscall {
  readonly child?: Child;
}

/** A guest program: a generator over system calls. It stays on the node it was started on; its calls run on CPUs. */
export type Program<T> = Generator<Invocation, T, SyscallResult>;

/** A system call failed with an errno that the program did not expect. */
export class GuestError extends Error {
  override readonly name = 'GuestError';

  constructor(
    readonly syscall: string,
    readonly errno: number,
    readonly args: readonly (string | number)[],
  ) {
    super(`${syscall}(${args.join(', ')}) failed with errno ${-errno}`);
  }
}

function* invoke(name: SyscallName, ...args: (string | number)[]): Program<SyscallResult> {
  const result = yield { name, args };
  if (typeof result === 'number' && result < 0) throw new GuestError(name, result, args);
  return result;
}

/** fork(2): evaluates to the child's pid. */
function* fork(child: Child): Program<number> {
  const pid = (yield { name: 'fork', args: [child.name], child }) as number;
  if (pid < 0) throw new GuestError('fork', pid, [child.name]);
  return pid;
}

function* number(name: SyscallName, ...args: (string | number)[]): Program<number> {
  return (yield* invoke(name, ...args)) as number;
}

function* text(name: SyscallName, ...args: (string | number)[]): Program<string> {
  return (yield* invoke(name, ...args)) as string;
}

/** File descriptor of the terminal that every task has. */
const STDOUT = 1;

/** The system calls as guest programs write them: `const fd = yield* sys.open(path)`. Each throws GuestError on an errno. */
export const sys = {
  chdir: (path: string) => number('chdir', path),
  mkdir: (path: string) => number('mkdir', path),
  rmdir: (path: string) => number('rmdir', path),
  /** Evaluates to a file descriptor. */
  open: (path: string) => number('open', path, ''),
  /** open with O_CREAT. */
  create: (path: string) => number('open', path, 'c'),
  /** Look a name up. */
  stat: (path: string) => number('stat', path),
  close: (fd: number) => number('close', fd),
  read: (fd: number) => text('read', fd),
  write: (fd: number, data: string) => number('write', fd, data),
  unlink: (path: string) => number('unlink', path),
  /** Map private memory; evaluates to the area. */
  mmap: () => number('mmap'),
  /** Write to the first page of an area. */
  touch: (area: number) => number('touch', area),
  munmap: (area: number) => number('munmap', area),
  /** Evaluates to the descriptor of the reading end; the next one is the writing end. */
  pipe: () => number('pipe'),
  socket: () => number('socket'),
  /**
   * A child that runs a program of its own, in its parent's cgroup and directory, without open files. It exits when the
   * program returns; until its parent has waited for it, part of it stays.
   */
  fork,
  /** Sleep until any child has exited; evaluates to its pid. */
  wait: () => number('wait'),
  /** Sleep until `kill`; one that came before counts. */
  pause: () => number('pause'),
  kill: (pid: number) => number('kill', pid),
  /** ns of the machine's time. */
  nanosleep: (ns: number) => number('nanosleep', ns),
  /** @param flags any of a = accounted, r = RCU-typed, c = with a constructor */
  initModule: (cache: string, size: number, flags = '') => number('init_module', cache, size, flags),
  deleteModule: (cache: string) => number('delete_module', cache),
  /** mmap charged to the memcg of a cgroup directory. */
  mmapCharged: (path: string) => number('lab_mmap_charged', path),
  flushWorkqueue: (queue: string) => number('lab_flush_workqueue', queue),
  /** One use of RCU by its name in syscalls/rcu.ts. */
  rcu: (operation: string, value: number) => number('lab_rcu', operation, value),
  /** Wait until every memcg cache that was asked for has been made, on whatever queue this kernel makes them. */
  flushCreation: () => number('lab_flush_creation'),
  /** Write to the terminal. */
  print: (text: string) => number('write', STDOUT, text),
  /** Take one object of a cache and give it back. */
  useCache: (cache: string) => number('lab_use_cache', cache),
  /** Take one object of a cache and leave it to `reclaim`, with all others of its lot. */
  keepObject: (cache: string, lot = 0) => number('lab_keep_object', cache, lot),
  /** kmalloc of more than two pages, left to `reclaim` without a lot; SLUB only. */
  keepLarge: (bytes: number) => number('lab_keep_large', bytes),
  /** Free all objects of a lot that were left to it by tasks on one node, by default the one where it runs; evaluates to how many. */
  reclaim: (lot = 0, node = -1) => number('lab_reclaim', lot, node),
  /** Keep the CPU busy in the kernel. */
  busy: (ns: number) => number('lab_busy', ns),
  /** ns of the machine's time since power-on. */
  clock: () => number('clock_gettime'),
  /** Free one batch of a lot in one call, of this CPU's node; evaluates to how many. */
  reclaimBulk: (lot = 0) => number('lab_reclaim_bulk', lot),
  /** An allocation whose charge comes `ns` after its payer is known (5.9). */
  chargeLate: (ns: number) => number('lab_charge_late', ns),
  /** The next so many allocations fail that may not wait: those of items that have memcg caches made. */
  failslab: (times: number) => number('lab_failslab', times),
  /** Memory is short: an allocation that may sleep does so for so many µs, until this is called with 0. */
  memoryShort: (us: number) => number('lab_memory_short', us),
  census: lookRound,
  /** Record a measured duration, ns, among those of the run. */
  record: (name: string, ns: number) => number('lab_record', name, ns),
  childCaches,
  childDirectories,
};

/** Removed memcgs that have not been freed, caches, directories of memcg caches in sysfs (SLUB), and stores into slots so far. */
export interface Census {
  readonly dying: number;
  readonly caches: number;
  readonly directories: number;
  readonly slotStores: number;
}

function* lookRound(): Program<Census> {
  const [dying = 0, caches = 0, directories = 0, slotStores = 0] = (yield* text('lab_census')).split(' ').map(Number);
  return { dying, caches, directories, slotStores };
}

/** Caches of memcgs, and the pages of their slabs. */
export interface ChildCaches {
  readonly caches: number;
  readonly pages: number;
}

function* childCaches(): Program<ChildCaches> {
  const [caches = 0, pages = 0] = (yield* text('lab_child_caches')).split(' ').map(Number);
  return { caches, pages };
}

/** Directories below /sys/kernel/slab of the children of a root cache, if they have any. */
function* childDirectories(root: string): Program<string[]> {
  const listing = yield* text('lab_child_directories', root);
  return listing === '' ? [] : listing.split('\n');
}

/** Open a file, read all of it, close it. */
export function* readFile(path: string): Program<string> {
  const fd = yield* sys.open(path);
  const content = yield* sys.read(fd);
  yield* sys.close(fd);
  return content;
}

/** Open a file, write one text, close it. */
export function* writeFile(path: string, data: string): Program<void> {
  const fd = yield* sys.open(path);
  yield* sys.write(fd, data);
  yield* sys.close(fd);
}

/** Between two attempts to change a CPU's state while another is on its way, ns (msleep in restart_syscall's way, 4.10). */
const RETRY_NS = 5e6;

/**
 * Take a CPU down or bring it up, as `echo 0 > /sys/devices/system/cpu/cpuN/online` does. False if this kernel version does
 * not do that.
 */
export function* setCpuOnline(cpu: number, online: boolean): Program<boolean> {
  const fd = yield* sys.open(`/sys/devices/system/cpu/cpu${cpu}/online`);
  const text = `${Number(online)}\n`;
  let result = yield { name: 'write', args: [fd, text] };
  while (result === EAGAIN) {
    yield* sys.nanosleep(RETRY_NS);
    result = yield { name: 'write', args: [fd, text] };
  }
  yield* sys.close(fd);
  if (typeof result === 'number' && result < 0 && result !== EPERM) throw new GuestError('write', result, [fd, text]);
  return result !== EPERM;
}
