import { EAGAIN, EPERM } from '../fs/types.js';
import type { Syscall, SyscallName, SyscallResult } from '../syscalls/table.js';

/** A guest program: a generator over system calls. It stays on the node it was started on; its calls run on CPUs. */
export type Program<T> = Generator<Syscall, T, SyscallResult>;

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

function* number(name: SyscallName, ...args: (string | number)[]): Program<number> {
  return (yield* invoke(name, ...args)) as number;
}

function* text(name: SyscallName, ...args: (string | number)[]): Program<string> {
  return (yield* invoke(name, ...args)) as string;
}

/** The system calls as guest programs write them: `const fd = yield* sys.open(path)`. Each throws GuestError on an errno. */
export const sys = {
  chdir: (path: string) => number('chdir', path),
  mkdir: (path: string) => number('mkdir', path),
  rmdir: (path: string) => number('rmdir', path),
  /** Evaluates to a file descriptor. */
  open: (path: string) => number('open', path, ''),
  /** open with O_CREAT. */
  create: (path: string) => number('open', path, 'c'),
  close: (fd: number) => number('close', fd),
  read: (fd: number) => text('read', fd),
  write: (fd: number, data: string) => number('write', fd, data),
  unlink: (path: string) => number('unlink', path),
  /** Map private memory; evaluates to the area. */
  mmap: () => number('mmap'),
  /** Write to the first page of an area. */
  touch: (area: number) => number('touch', area),
  munmap: (area: number) => number('munmap', area),
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
  /** Take one object of a cache and give it back. */
  useCache: (cache: string) => number('lab_use_cache', cache),
  /** Take one object of a cache and leave it to `reclaim`. */
  keepObject: (cache: string) => number('lab_keep_object', cache),
  /** Free all objects that were left to it; evaluates to how many. */
  reclaim: () => number('lab_reclaim'),
};

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
