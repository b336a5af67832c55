import type { Duration, RunResult } from '../schema.js';
import { formatCount, formatNs } from './format.js';
import { floorRatioLines, oversubscriptionLines } from './live.js';
import { heading, paragraph, type TextOptions } from './paper.js';
import { type Column, type Row, table } from './table.js';
import { clockOf } from './verdicts.js';

const KICK_PARTS = [
  ['kick.send', '  send'],
  ['kick.delivery', '  delivery'],
  ['kick.irqOffWait', '  irq-off wait'],
  ['kick.handler', '  handler'],
  ['kick.ack', '  ack'],
] as const;

const COLUMNS: readonly Column[] = [
  { title: '', align: 'left' },
  { title: 'count', align: 'right' },
  { title: 'p50', align: 'right' },
  { title: 'p99', align: 'right' },
  { title: 'max', align: 'right' },
  { title: 'mean', align: 'right', expendable: 1 },
];

function durationRow(label: string, duration: Duration, options: TextOptions): Row {
  const times = [duration.p50, duration.p99, duration.max, duration.mean].map((ns) => formatNs(ns, options.unicode));
  return { cells: [label, formatCount(duration.count), ...(duration.count === 0 ? [] : times)] };
}

function rowsFor(result: RunResult, names: readonly (readonly [string, string])[], options: TextOptions): Row[] {
  return names.flatMap(([name, label]) => {
    const duration = result.durations[name];
    return duration ? [durationRow(label, duration, options)] : [];
  });
}

/** Latency of a kick, split into its parts, with the slowest CPU named. */
export function kickLatencyLines(result: RunResult, options: TextOptions): string[] {
  const whole = result.durations.kick_all_cpus_sync;
  if (!whole || whole.count === 0) return [];
  const rows = rowsFor(result, [['kick_all_cpus_sync', 'whole'], ...KICK_PARTS], options);
  const slowest = result.slowestKick;
  const lines = [
    heading(options, `Latency of kick_all_cpus_sync, ${whole.clock} time`),
    ...oversubscriptionLines(result, options),
    ...table(options, COLUMNS, rows),
    ...floorRatioLines(result, options),
  ];
  if (!slowest) return lines;
  const time = (ns: number) => formatNs(ns, options.unicode);
  const parts = `send ${time(slowest.send)}, delivery ${time(slowest.delivery)}, irq-off wait ${time(slowest.irqOffWait)}, handler ${time(slowest.handler)}, ack ${time(slowest.ack)}`;
  const text = `slowest: ${time(slowest.ns)} ${clockOf(result)} time, sent by CPU${slowest.sender}, waiting for CPU${slowest.cpu} (${parts})`;
  return [...lines, ...paragraph(options, '  ', text)];
}

/** Mutex hold and wait, and every other duration that is not part of a kick. */
export function otherDurationLines(result: RunResult, options: TextOptions): string[] {
  const isKick = (name: string) => name === 'kick_all_cpus_sync' || name.startsWith('kick.');
  const names = Object.keys(result.durations).filter((name) => !isKick(name));
  return (['model', 'host'] as const).flatMap((clock) => {
    const timed = names.filter((name) => result.durations[name]?.clock === clock);
    const label = (name: string) => name.replace('.', ' ');
    const rows = rowsFor(
      result,
      timed.map((name) => [name, label(name)] as const),
      options,
    );
    if (rows.length === 0) return [];
    const warning = clock === 'host' ? oversubscriptionLines(result, options) : [];
    return [heading(options, `Locks and waits, ${clock} time`), ...warning, ...table(options, COLUMNS, rows)];
  });
}
