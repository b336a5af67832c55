import { BOOT_NODE, type Coroutine, request, requestAll } from '@kmemlab/machine';
import { countCgroups } from '../cgroup/handlers.js';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import { writeDropCaches } from './drop-caches.js';
import { readSlabinfo, writeSlabinfo } from './slabinfo.js';

/** One file of /proc; it has no text if it can only be written. */
export interface ProcFile {
  /** The directory it is in, /proc itself if that is not said. */
  readonly directory?: string;
  readonly read?: (cpu: Cpu) => Coroutine<string>;
  readonly write?: (cpu: Cpu, text: string) => Coroutine<number>;
}

/** Interrupt counts of this node's CPUs, in CPU order. */
const interruptCounts = defineHandler('proc.interrupts', (node, _args: null) =>
  node.allWords().map(({ interrupts }) => interrupts.copy()),
);

/** show_interrupts (x86): one column per online CPU. The model has the rows whose interrupts it sends. */
function* readInterrupts(cpu: Cpu): Coroutine<string> {
  const counts = (yield* requestAll(cpu.allNodes, interruptCounts, null)).flat();
  const online = cpu.published.onlineCpus();
  const header = `${' '.repeat(11)}${online.map((id) => `CPU${id}`.padEnd(11)).join('')}\n`;
  const shootdowns = cpu.build.policies.fs.calWithoutTlb ? counts.map(({ tlb }) => tlb) : [];
  const row = (name: string, field: keyof (typeof counts)[number], text: string): string => {
    const column = (id: number): number => (counts[id]?.[field] ?? 0) - (field === 'call' ? (shootdowns[id] ?? 0) : 0);
    return `${name.padStart(3)}: ${online.map((id) => `${String(column(id)).padStart(10)} `).join('')}  ${text}\n`;
  };
  return (
    header +
    row('LOC', 'localTimer', 'Local timer interrupts') +
    row('RES', 'reschedule', 'Rescheduling interrupts') +
    row('CAL', 'call', 'Function call interrupts') +
    row('TLB', 'tlb', 'TLB shootdowns')
  );
}

/** proc_cgroupstats_show: dying cgroups count until they are freed. */
function* readCgroups(): Coroutine<string> {
  const count = yield* request(BOOT_NODE, countCgroups, { by: 0 });
  return `#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t1\t${count}\t1\n`;
}

/** Directories of /proc by the directory they are in. */
const procDirectories: ReadonlyMap<string, string> = new Map([
  ['sys', 'proc'],
  ['vm', 'sys'],
]);

/** What is called `name` in a directory of /proc; null if nothing is. */
export function procEntry(directory: string, name: string): ProcFile | 'directory' | null {
  if (procDirectories.get(name) === directory) return 'directory';
  const file = procFiles.get(name);
  return file === undefined || (file.directory ?? 'proc') !== directory ? null : file;
}

/** /proc by file name. */
export const procFiles: ReadonlyMap<string, ProcFile> = new Map<string, ProcFile>([
  ['interrupts', { read: readInterrupts }],
  ['slabinfo', { read: readSlabinfo, write: writeSlabinfo }],
  ['cgroups', { read: readCgroups }],
  ['drop_caches', { directory: 'vm', write: writeDropCaches }],
]);
