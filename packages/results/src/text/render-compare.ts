import type { ComparedQuantity, CompareResult } from '../compare.js';
import { groupByKernel, hasEnded, type Spread } from '../kernel-runs.js';
import type { IdlePatch, RunResult } from '../schema.js';
import { findingsLines } from './findings.js';
import { formatCount, formatNs, formatRatio, plural } from './format.js';
import { machineText, outcomeText, valueText } from './header.js';
import { idlePatchLines } from './idle-patches.js';
import { livePlaceLines, oversubscriptionLines } from './live.js';
import { mailTableLines } from './mail-table.js';
import { heading, paint, paragraph, type TextOptions } from './paper.js';
import { joinSections } from './render-run.js';
import { type Cell, type Column, type Row, table } from './table.js';
import { verdictsLines } from './verdicts.js';

/** Kernel names are column heads while they fit into the width; otherwise letters, explained above the table. */
function columnNames(comparison: CompareResult, options: TextOptions): string[] {
  const labels = Math.max(...comparison.quantities.map(({ label }) => label.length), 0);
  const names = comparison.kernels.reduce((sum, kernel) => sum + kernel.length + 9, 0);
  if (labels + names + 2 <= options.width) return [...comparison.kernels];
  return comparison.kernels.map((_, index) => String.fromCharCode(65 + (index % 26)));
}

function headerSection(comparison: CompareResult, names: readonly string[], options: TextOptions): string[] {
  const first = comparison.results[0];
  if (!first) return ['nothing was run'];
  const params = Object.entries(first.params).map(([key, value]) => `${key}=${valueText(value)}`);
  const lines = [
    heading(
      options,
      `${first.experiment}: ${comparison.kernels.length} ${plural(comparison.kernels.length, 'kernel')}`,
    ),
    ...paragraph(options, '  machine  ', machineText(first, options)),
    ...paragraph(options, '  config   ', first.config.join(',')),
    ...paragraph(options, '  params   ', params.join('  ')),
  ];
  for (const [index, { kernel, runs }] of groupByKernel(comparison.results).entries()) {
    const name = names[index] === kernel ? kernel : `${names[index]} = ${kernel}`;
    const seeds = runs.map((run) => run.seed);
    const which = seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${seeds[0]} to ${seeds.at(-1)}`;
    lines.push(`  ${paint(options, 'bold', name)}: ${which}: ${outcomesText(runs, options)}`);
    lines.push(...idlePatchLines(idleInAll(runs), options));
  }
  return lines;
}

/** Patches that made no difference in any of the runs. */
const idleInAll = ([first, ...others]: readonly RunResult[]): readonly IdlePatch[] =>
  (first?.idlePatches ?? []).filter(({ name }) =>
    others.every(({ idlePatches = [] }) => idlePatches.some((idle) => idle.name === name)),
  );

/** The one outcome of all, or how many have each. */
function outcomesText(runs: readonly RunResult[], options: TextOptions): string {
  const outcomes = runs.map((run) => outcomeText(run, options));
  const different = [...new Set(outcomes)];
  if (different.length === 1) return different.join();
  return different.map((text) => `${outcomes.filter((other) => other === text).length} ${text}`).join(', ');
}

/** Where the runs took place, by the first that ran on the live machine; the others took place there, too. */
function placeSection({ results }: CompareResult, options: TextOptions): string[] {
  const live = results.find((result) => result.live !== undefined);
  return live === undefined ? [] : livePlaceLines(live, options);
}

/** The warning that belongs beside host times. */
function warningLines({ results }: CompareResult, options: TextOptions): string[] {
  const crowded = results.find((result) => result.live?.oversubscribed);
  return crowded === undefined ? [] : oversubscriptionLines(crowded, options);
}

function spreadText(quantity: ComparedQuantity, spread: Spread | null, options: TextOptions): string {
  if (!spread) return '-';
  const text = (value: number) => (quantity.unit === 'ns' ? formatNs(value, options.unicode) : formatCount(value));
  if (spread.min === spread.max) return text(spread.mean);
  return `${text(spread.mean)} [${text(spread.min)}..${text(spread.max)}]`;
}

/** Verdicts and typical times that are 0 everywhere say nothing; a maximum of 0 does. */
function isInformative({ key, unit, values }: ComparedQuantity): boolean {
  if (key !== 'verdicts' && (unit === 'count' || key.endsWith('.max'))) return true;
  return values.some((spread) => spread && spread.max > 0);
}

function quantitySection(comparison: CompareResult, names: readonly string[], options: TextOptions): string[] {
  const columns: Column[] = [{ title: '', align: 'left' }];
  for (const [index, name] of names.entries()) {
    columns.push({ title: name, align: 'right' });
    if (index > 0) columns.push({ title: 'ratio', align: 'right' });
  }
  const rows: Row[] = comparison.quantities.filter(isInformative).map((quantity) => {
    const cells: Cell[] = [quantity.label];
    for (const [index, spread] of quantity.values.entries()) {
      cells.push(spreadText(quantity, spread, options));
      if (index > 0) cells.push(ratioCell(spread));
    }
    return { cells };
  });
  const several = comparison.results.length > comparison.kernels.length;
  const unfinished = several && !comparison.results.every(hasEnded);
  const some = comparison.results.some(hasEnded) ? 'the seeds that ended' : 'unfinished seeds';
  const over = unfinished ? some : 'seeds';
  const title = several ? `Mean over ${over} [least..most]` : 'Counts and times';
  return [heading(options, title), ...warningLines(comparison, options), ...table(options, columns, rows)];
}

function ratioCell(spread: Spread | null): Cell {
  const text = formatRatio(spread?.ratio);
  if (spread?.ratio === undefined || spread.ratio === 1) return text;
  return { text, style: spread.ratio < 1 ? 'green' : 'yellow' };
}

function mailSection(comparison: CompareResult, names: readonly string[], options: TextOptions): string[] {
  const runs = groupByKernel(comparison.results).flatMap(({ runs }, index) => {
    const result = runs[0];
    const seed = runs.length > 1 ? `, seed ${result?.seed}` : '';
    return result ? [{ name: `${names[index]}${seed}`, result }] : [];
  });
  return mailTableLines(runs, options);
}

function meaningSection(comparison: CompareResult, options: TextOptions): string[] {
  if (comparison.meaning.length === 0) return [];
  const single = comparison.results.length === comparison.kernels.length;
  const hint = single ? paragraph(options, '  ', 'One seed each: --seeds N shows what depends on the schedule.') : [];
  return [
    heading(options, 'What the difference means'),
    ...comparison.meaning.flatMap((sentence) => paragraph(options, '  ', sentence)),
    ...hint.map((line) => paint(options, 'dim', line)),
  ];
}

function troubleSections(result: RunResult, options: TextOptions): string[][] {
  const lines = verdictsLines(result, options);
  return lines.length === 0 ? [] : [[`${result.kernel}, seed ${result.seed}`, ...lines]];
}

function findingSections(comparison: CompareResult, options: TextOptions): string[][] {
  return groupByKernel(comparison.results).flatMap(({ kernel, runs }) => {
    const lines = runs[0] ? findingsLines(runs[0], options) : [];
    return lines.length === 0 ? [] : [[`${kernel}, seed ${runs[0]?.seed}`, ...lines]];
  });
}

/** Several runs side by side: by kernel, with ratios to the first, spread over seeds, and what it means. */
export function renderCompare(comparison: CompareResult, options: TextOptions): string {
  const names = columnNames(comparison, options);
  return joinSections([
    headerSection(comparison, names, options),
    placeSection(comparison, options),
    ...comparison.results.flatMap((result) => troubleSections(result, options)),
    meaningSection(comparison, options),
    mailSection(comparison, names, options),
    quantitySection(comparison, names, options),
    ...findingSections(comparison, options),
  ]);
}
