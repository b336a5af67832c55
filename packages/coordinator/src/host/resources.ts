import { readdirSync } from 'node:fs';
import { freemem } from 'node:os';
import { cgroupRoom, textOf } from './cgroup.js';

/** What this computer has left for the processes and threads of a run; Infinity where nothing limits it. */
export interface Resources {
  /** bytes */
  readonly memory: number;
  /** `vm.max_map_count`: memory mappings that one process may have. */
  readonly mapsPerProcess: number;
  /** Threads and processes that may still be started. */
  readonly threads: number;
  /** Which limit `threads` comes from. */
  readonly threadLimit: string;
}

/** Reads the limits as they are now. */
export function readResources(): Resources {
  const room = cgroupRoom();
  const threads = threadRooms(room.pids).reduce((least, one) => (one.room < least.room ? one : least));
  return {
    memory: Math.min(freemem(), room.memory),
    mapsPerProcess: numberIn('/proc/sys/vm/max_map_count'),
    threads: threads.room,
    threadLimit: threads.name,
  };
}

interface ThreadRoom {
  readonly name: string;
  readonly room: number;
}

function threadRooms(pids: number): ThreadRoom[] {
  const running = threadsRunning();
  return [
    { name: 'pids.max of the control group', room: pids },
    { name: 'kernel.threads-max', room: Math.max(0, numberIn('/proc/sys/kernel/threads-max') - running) },
    { name: 'kernel.pid_max', room: Math.max(0, numberIn('/proc/sys/kernel/pid_max') - running) },
    { name: 'the limit on processes (ulimit -u)', room: userRoom() },
  ];
}

function numberIn(path: string): number {
  const value = Number.parseInt(textOf(path) ?? '', 10);
  return Number.isNaN(value) ? Infinity : value;
}

const threadsRunning = (): number => Number(/\/(\d+) /.exec(textOf('/proc/loadavg') ?? '')?.[1] ?? 0);

/** What `ulimit -u` leaves to this user. It does not hold for root. */
function userRoom(): number {
  const status = textOf('/proc/self/status') ?? '';
  const user = /^Uid:\s+(\d+)/m.exec(status)?.[1];
  const limit = /^Max processes\s+(\d+)/m.exec(textOf('/proc/self/limits') ?? '')?.[1];
  if (user === undefined || user === '0' || limit === undefined) return Infinity;
  return Math.max(0, Number(limit) - threadsOf(user));
}

function threadsOf(user: string): number {
  let threads = 0;
  for (const name of readdirSync('/proc')) {
    const status = /^\d+$/.test(name) ? textOf(`/proc/${name}/status`) : undefined;
    if (status === undefined || /^Uid:\s+(\d+)/m.exec(status)?.[1] !== user) continue;
    threads += Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 1);
  }
  return threads;
}
