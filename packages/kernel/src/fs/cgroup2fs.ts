import { type Coroutine, call, type Handle, homeOf, request, requestAll } from '@kmemlab/machine';
import { cgroupStat } from '../cgroup/stat.js';
import type { Cpu } from '../cpu.js';
import { PAGE_SIZE, parseLimit, resizeLimit } from '../mm/memcontrol/limits.js';
import { slabItems } from '../mm/memcontrol/lruvec-counters.js';
import { readSlabStatistics } from '../mm/memcontrol/lruvec-stats.js';
import { UNLIMITED } from '../mm/memcontrol/types.js';
import type { PageUse } from '../mm/slab/types.js';
import type { KernelNode } from '../node.js';
import { CssField, rootMemcg } from '../published-state.js';
import { defineHandler } from '../registry.js';
import type { TaskRecord } from '../sched/task.js';
import { type ControlFile, controlFiles, procsFile, readCounter } from './cgroupfs.js';
import { EINVAL, type Found } from './types.js';

/*
 * The v2 hierarchy (4.5 and later). Every cgroup has the memory controller. Kernel memory is not charged separately, and
 * counters are hierarchical.
 */

/** Rows of memory.stat that count pages which are no slab. */
const ROWS = ['anon', 'file', 'kernel_stack'] as const;

type Stat = Record<(typeof ROWS)[number], number>;

const ROW_OF_USE: Readonly<Record<PageUse, keyof Stat | null>> = {
  anon: 'anon',
  file: 'file',
  kernel_stack: 'kernel_stack',
  kmalloc_large: null,
  kernel: null,
};

function isBelow({ published }: KernelNode, memcg: Handle, top: Handle): boolean {
  let css = memcg;
  while (css !== 0 && css !== top) css = published.csses.read(css, CssField.parent);
  return css === top;
}

/** Pages of this node, without slab pages, that a memcg and those below it pay for, by what they are. */
const countPages = defineHandler('memcg.countPages', (node, args: { memcg: Handle }): Stat => {
  const stat: Stat = { anon: 0, file: 0, kernel_stack: 0 };
  for (const [, { memcg, order, use }] of node.pages.entries()) {
    if (use === undefined || memcg === 0 || !isBelow(node, memcg, args.memcg)) continue;
    const row = ROW_OF_USE[use];
    if (row !== null) stat[row] += 2 ** order;
  }
  return stat;
});

/** memory_stat_show, the rows that the model has; bytes. The slab rows are what the memcg's statistics have been told. */
function* memoryStat(cpu: Cpu, { memcg }: Found): Coroutine<string> {
  const stats = yield* requestAll(cpu.allNodes, countPages, { memcg });
  const bytes = (row: keyof Stat): number => stats.reduce((sum, stat) => sum + stat[row], 0) * PAGE_SIZE;
  const slab = yield* call(readSlabStatistics, cpu, memcg);
  const rows = [...ROWS.map((row) => [row, bytes(row)]), ...slabItems.map((item) => [`slab_${item}`, slab[item]])];
  return rows.map(([row, value]) => `${row} ${value}\n`).join('');
}

function* memoryCurrent(_cpu: Cpu, { memcg: css }: Found): Coroutine<string> {
  const { usage } = yield* request(homeOf(css), readCounter, { css, counter: 'memory' }, css);
  return `${usage * PAGE_SIZE}\n`;
}

function* readMax(_cpu: Cpu, { memcg: css }: Found): Coroutine<string> {
  const { limit } = yield* request(homeOf(css), readCounter, { css, counter: 'memory' }, css);
  return limit === UNLIMITED ? 'max\n' : `${limit * PAGE_SIZE}\n`;
}

/** memory_max_write; the root cgroup has no limit. */
function* writeMax(cpu: Cpu, { memcg }: Found, _task: TaskRecord, text: string): Coroutine<number> {
  const limit = text.trim() === 'max' ? UNLIMITED : parseLimit(text);
  if (limit === null || memcg === rootMemcg(cpu.published)) return EINVAL;
  return (yield* call(resizeLimit, cpu, memcg, 'memory', limit)) || text.length;
}

/** Files of a cgroup on the v2 hierarchy, by name. */
const cgroup2Files: ReadonlyMap<string, ControlFile> = new Map<string, ControlFile>([
  ['cgroup.procs', procsFile],
  ['cgroup.stat', { read: (_cpu, file) => cgroupStat(file.cgroup) }],
  ['memory.current', { read: memoryCurrent }],
  ['memory.max', { read: readMax, write: writeMax }],
  ['memory.stat', { read: memoryStat }],
]);

/** The control files of a cgroup in this kernel's hierarchy. */
export const controlFilesOf = ({ build }: Cpu): ReadonlyMap<string, ControlFile> =>
  build.config.cgroup === 'v2' ? cgroup2Files : controlFiles;
