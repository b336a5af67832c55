import { callCount, type PhaseCounters, type RunResult } from '../schema.js';
import { counted, formatCount, formatNs } from './format.js';
import { machineClock } from './header.js';
import { heading, type TextOptions } from './paper.js';
import { type Column, table } from './table.js';

const COUNTS: readonly (Column & { readonly of: (phase: PhaseCounters) => number })[] = [
  { title: 'caches', align: 'right', of: (phase) => phase.caches.created },
  { title: 'kicks', align: 'right', of: (phase) => callCount(phase, 'kick_all_cpus_sync') },
  { title: 'IPIs', align: 'right', of: (phase) => phase.ipi.sent },
  { title: 'shrinks', align: 'right', of: (phase) => callCount(phase, 'kmem_cache_shrink') },
  { title: 'shutdowns', align: 'right', of: (phase) => callCount(phase, 'shutdown_cache'), expendable: 0 },
  { title: 'memcgs', align: 'right', of: (phase) => phase.memcg.created, expendable: 2 },
  { title: 'freed', align: 'right', of: (phase) => phase.memcg.freed },
  { title: 'dying', align: 'right', of: (phase) => phase.memcg.dying },
  { title: 'RES', align: 'right', of: (phase) => phase.interrupts.RES.reduce((sum, n) => sum + n, 0), expendable: 3 },
];

/** One row per phase, in order; `caches` and `memcgs` are those created, `dying` the number at the phase's end. */
export function phasesLines(result: RunResult, options: TextOptions): string[] {
  const phases = Object.entries(result.phases);
  if (phases.length === 0) return [];
  const timed = phases.some(([, phase]) => phase.elapsedModelNs !== undefined);
  const columns: Column[] = [{ title: 'phase', align: 'left' }, ...COUNTS];
  if (timed) columns.push({ title: `${machineClock(result)} time`, align: 'right', expendable: 1 });
  const rows = phases.map(([name, phase]) => {
    const elapsed = phase.elapsedModelNs === undefined ? '' : formatNs(phase.elapsedModelNs, options.unicode);
    return { cells: [name, ...COUNTS.map(({ of }) => formatCount(of(phase))), elapsed] };
  });
  return [
    heading(options, 'Phases (caches and memcgs: created; dying: at the end of the phase)'),
    ...table(options, columns, rows),
    ...bootLines(result),
  ];
}

function bootLines(result: RunResult): string[] {
  const lines: string[] = [];
  if (result.phases.boot) {
    const kicks = callCount(result.phases.boot, 'kick_all_cpus_sync');
    lines.push(`  boot: ${counted(kicks, 'kick')} before the experiment began`);
  }
  if (result.rootCache) {
    const { kicks, ipis } = result.rootCache;
    lines.push(`  one root cache created after boot: ${counted(kicks, 'kick')}, ${counted(ipis, 'IPI')}`);
  }
  return lines;
}
