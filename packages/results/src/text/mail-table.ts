import { repetitions } from '../quantities.js';
import { callCount, type RunResult } from '../schema.js';
import { formatCount, formatDifference, formatRate } from './format.js';
import { heading, paragraph, type TextOptions } from './paper.js';
import { type Row, table } from './table.js';

/** Published with the patch: the CPU0 column of `Function call interrupts` around 10,000 loops. */
export const MAIL_FIGURES = {
  loops: 10_000,
  unpatched: { before: 1192, after: 48_933 },
  patched: { before: 1069, after: 1170 },
} as const;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function row(
  who: string,
  what: string,
  before: number | null,
  after: number | null,
  added: number,
  loops: number,
): Row {
  const shown = (value: number | null) => (value === null ? '' : formatCount(value));
  const perLoop = formatRate(added / loops);
  return { cells: [who, what, shown(before), shown(after), formatDifference(added), perLoop] };
}

function mailRow(who: string, what: string, figures: { readonly before: number; readonly after: number }): Row {
  const { before, after } = figures;
  return { ...row(who, what, before, after, after - before, MAIL_FIGURES.loops), style: 'cyan' };
}

/** Why this run's figures are not the mail's: each sentence uses the run's own numbers. */
function explanations(result: RunResult, loops: number): string[] {
  const { caches, interrupts } = result.counters;
  const kicks = callCount(result.counters, 'kick_all_cpus_sync');
  const cpus = result.machine.nodes * result.machine.cpusPerNode;
  const perLoop = formatRate(caches.created / loops);
  const readByScript = result.script ? result.script.second.cpu0 - result.script.first.cpu0 : 0;
  const settled = interrupts.CAL[0] ?? 0;
  const profile = result.params.profile === undefined ? '' : ` (profile ${result.params.profile})`;
  const placement = result.params.placement === undefined ? '' : ` Task placement here: ${result.params.placement}.`;
  const lines = [
    `Caches per loop: ${perLoop} here${profile}. The mail's 4.774 per loop needs at least 4.76 creations per memcg: a loop that also maps and touches memory creates 5 (profile mail), the bare loop on tmpfs 3.`,
    `The CPU0 column counts CPU0 only: at most 1 per kick, 0 if the kick comes from CPU0. The whole machine of ${cpus} CPUs gets ${cpus - 1} per kick, which the mail does not show.${placement}`,
  ];
  if (kicks > 0) {
    lines.push(
      `The second reading does not wait for the creation queue: it saw ${formatDifference(readByScript)} on CPU0, and ${formatDifference(settled)} had arrived once the queue was empty.`,
    );
  }
  lines.push("The mail's +101 with the patch is background of a real machine, which is not modelled.");
  return lines;
}

function runRows(name: string, result: RunResult, loops: number): Row[] {
  const { script } = result;
  if (!script) return [];
  const { first, second } = script;
  const { CAL } = result.counters.interrupts;
  return [
    row(name, 'CPU0, as the script reads it', first.cpu0, second.cpu0, second.cpu0 - first.cpu0, loops),
    row('', 'all CPUs, at the same moment', first.all, second.all, second.all - first.all, loops),
    row('', 'CPU0, after settling', null, null, CAL[0] ?? 0, loops),
    row('', 'all CPUs, after settling', null, null, sum(CAL), loops),
  ];
}

/** A run of the script and the name its rows carry. */
export interface NamedRun {
  readonly name: string;
  readonly result: RunResult;
}

/**
 * The mail's table for `avoid-ipis`: before, after, difference, per loop, for each run that has the script's
 * readings; the published figures below; then what explains the distance, in the first run's numbers.
 */
export function mailTableLines(runs: readonly NamedRun[], options: TextOptions): string[] {
  const first = runs.find(({ result }) => result.script && repetitions(result));
  const loops = first && repetitions(first.result)?.count;
  if (!first || !loops) return [];
  const rows: Row[] = [
    ...runs.flatMap(({ name, result }) => runRows(name, result, loops)),
    mailRow('the mail', `CPU0, unpatched, ${formatCount(MAIL_FIGURES.loops)} loops`, MAIL_FIGURES.unpatched),
    mailRow('', `CPU0, patched, ${formatCount(MAIL_FIGURES.loops)} loops`, MAIL_FIGURES.patched),
  ];
  const mark = options.unicode ? '  · ' : '  - ';
  const whose = runs.length > 1 ? first.name : 'this run';
  return [
    heading(options, 'Function call interrupts (CAL) while memcgs and their caches are created'),
    ...table(
      options,
      [
        { title: '', align: 'left' },
        { title: 'column', align: 'left', wraps: true },
        { title: 'before', align: 'right', expendable: 1 },
        { title: 'after', align: 'right' },
        { title: 'difference', align: 'right' },
        { title: 'per loop', align: 'right' },
      ],
      rows,
    ),
    ...paragraph(options, '  ', `What lies between ${whose} and the mail:`),
    ...explanations(first.result, loops).flatMap((text) => paragraph(options, mark, text)),
  ];
}
