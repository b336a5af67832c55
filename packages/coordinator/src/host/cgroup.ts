import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What may still be used of a resource that control groups limit; Infinity if none does. */
export interface CgroupRoom {
  /** bytes */
  readonly memory: number;
  readonly pids: number;
}

interface Controller {
  readonly limit: string;
  readonly used: string;
  /** Says how much of what is used would give way. */
  readonly statistics?: string;
}

const VERSION_2: Readonly<Record<keyof CgroupRoom, Controller>> = {
  memory: { limit: 'memory.max', used: 'memory.current', statistics: 'memory.stat' },
  pids: { limit: 'pids.max', used: 'pids.current' },
};
const VERSION_1: Readonly<Record<keyof CgroupRoom, Controller>> = {
  memory: { limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes', statistics: 'memory.stat' },
  pids: { limit: 'pids.max', used: 'pids.current' },
};

/** Reads a text file; undefined if there is none. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The room that the control groups of this process leave, of either version. */
export function cgroupRoom(root = '/sys/fs/cgroup', membership = textOf('/proc/self/cgroup') ?? ''): CgroupRoom {
  const groups = membership
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 3);
  const room = (resource: keyof CgroupRoom): number => {
    const unified = groups.find(([id]) => id === '0');
    const own = groups.find(([, controllers]) => controllers?.split(',').includes(resource));
    return Math.min(
      unified === undefined ? Infinity : roomBelow(root, unified.slice(2).join(':'), VERSION_2[resource]),
      own === undefined ? Infinity : roomBelow(join(root, resource), own.slice(2).join(':'), VERSION_1[resource]),
    );
  };
  return { memory: room('memory'), pids: room('pids') };
}

/** The least room of a group and those above it. */
function roomBelow(mount: string, group: string, controller: Controller): number {
  const here = roomOf(join(mount, group), controller);
  return group === '/' || group === '.' || group === ''
    ? here
    : Math.min(here, roomBelow(mount, dirname(group), controller));
}

function roomOf(directory: string, { limit, used, statistics }: Controller): number {
  const most = Number.parseInt(textOf(join(directory, limit)) ?? '', 10);
  if (Number.isNaN(most)) return Infinity;
  const inUse = Number.parseInt(textOf(join(directory, used)) ?? '', 10) || 0;
  const gives = statistics === undefined ? 0 : pageCache(textOf(join(directory, statistics)) ?? '');
  return Math.max(0, most - inUse + gives);
}

/** Page cache counts as used memory, but gives way. */
function pageCache(statistics: string): number {
  return Number(/^inactive_file (\d+)$/m.exec(statistics)?.[1] ?? 0);
}
