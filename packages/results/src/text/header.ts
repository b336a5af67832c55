import type { JsonValue, Outcome, RunResult } from '../schema.js';
import { formatBytes, formatCount, formatNs, plural } from './format.js';
import { idlePatchLines } from './idle-patches.js';
import { paint, paragraph, type Style, type TextOptions } from './paper.js';

const OUTCOME_STYLE: Readonly<Record<Outcome, Style>> = {
  ok: 'green',
  violation: 'red',
  failed: 'red',
  incomplete: 'yellow',
};

const ENGINES = { sim: 'deterministic machine (sim)', live: 'live machine (worker threads)' } as const;

/** A plain value as text; nested ones as JSON. */
export function valueText(value: JsonValue): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

function keyValues(record: Readonly<Record<string, JsonValue>>): string {
  return Object.entries(record)
    .filter(([, value]) => !(typeof value === 'object' && value !== null && Object.keys(value).length === 0))
    .map(([key, value]) => `${key}=${valueText(value)}`)
    .join('  ');
}

/** `, CPUs 1,3 isolated`; nothing if none is. */
export const isolatedText = ({ isolcpus = [] }: { readonly isolcpus?: readonly number[] }): string =>
  isolcpus.length === 0 ? '' : `, ${plural(isolcpus.length, 'CPU')} ${isolcpus.join(',')} isolated`;

/** `2 nodes × 4 CPUs = 8 CPUs, deterministic machine (sim), strategy time`. */
export function machineText(result: RunResult, options: TextOptions): string {
  const { nodes, cpusPerNode } = result.machine;
  const times = options.unicode ? '×' : 'x';
  const strategy = result.settings?.strategy;
  const size = `${nodes} ${plural(nodes, 'node')} ${times} ${cpusPerNode} ${plural(cpusPerNode, 'CPU')}`;
  const rest = `${strategy === undefined ? '' : `, strategy ${valueText(strategy)}`}${isolatedText(result.machine)}`;
  return `${size} = ${formatCount(nodes * cpusPerNode)}, ${ENGINES[result.engine]}${rest}`;
}

/** One line for the outcome and, if there is one, the failure. */
export function outcomeText(result: RunResult, options: TextOptions): string {
  const outcome = paint(options, OUTCOME_STYLE[result.outcome], result.outcome);
  return result.failure ? `${outcome} (${result.failure.kind}: ${result.failure.detail})` : outcome;
}

/** Whose time the machine's own clock shows. */
export const machineClock = (result: RunResult): string => (result.engine === 'sim' ? 'model' : 'machine');

/** What ran on what, and how it ended. */
export function headerLines(result: RunResult, options: TextOptions): string[] {
  const { strategy: _, ...settings } = result.settings ?? {};
  const patches = result.patches.length === 0 ? 'no patch' : `patches: ${result.patches.join(', ')}`;
  const elapsed = [
    `${formatNs(result.elapsed.modelNs, options.unicode)} ${machineClock(result)} time`,
    `${formatNs(result.elapsed.hostNs, options.unicode)} host time`,
    `${formatCount(result.counters.events)} events in the measured window`,
  ];
  const rows: [string, string][] = [
    ['machine', machineText(result, options)],
    ['kernel', `${result.kernel} (${patches}), config ${result.config.join(',')}`],
    ['params', [keyValues(result.params), `seed=${result.seed}`].filter((text) => text !== '').join('  ')],
    ['settings', keyValues(settings)],
    ['took', elapsed.join(', ')],
    ['digest', result.digest ?? ''],
    ['memory', memoryText(result)],
  ];
  const title = `${paint(options, 'bold', `${result.experiment} on ${result.kernel}`)}: ${outcomeText(result, options)}`;
  const lines = rows
    .filter(([, text]) => text !== '')
    .flatMap(([label, text]) => paragraph(options, `  ${label.padEnd(9)}`, text));
  return [title, ...lines, ...idlePatchLines(result.idlePatches, options), ...determinismLines(result, options)];
}

function memoryText(result: RunResult): string {
  if (!result.memory) return '';
  const { modelledBytes, perMemcgBytes } = result.memory;
  return `${formatBytes(modelledBytes)} modelled, ${formatBytes(perMemcgBytes)} per memcg`;
}

function determinismLines(result: RunResult, options: TextOptions): string[] {
  if (!result.determinism) return [];
  const { same, firstDifference } = result.determinism;
  if (same) return [`  ${'repeated'.padEnd(9)}${paint(options, 'green', 'the same digest every time')}`];
  return paragraph(options, `  ${'repeated'.padEnd(9)}`, `NOT the same: ${firstDifference ?? 'the digests differ'}`);
}
