import { sequenceDiagram } from '../chart/sequence.js';
import { element } from '../chart/svg.js';
import type { Interleaving } from '../check.js';
import { type ComparedQuantity, compareResults } from '../compare.js';
import type { RunResult, Verdict } from '../schema.js';
import { formatCount, formatNs, formatRatio, plural } from '../text/format.js';
import { machineText, valueText } from '../text/header.js';
import type { TextOptions } from '../text/paper.js';
import { renderRun } from '../text/render-run.js';
import { chartsOf, type NamedChart } from './charts.js';
import { commandOf } from './command.js';
import { headlines } from './headline.js';
import { htmlPage, htmlTable, htmlTerms, textElement } from './html.js';

/** A schedule that a search has found, with the verdict that it ends in. */
export interface FoundSchedule {
  readonly kernel: string;
  readonly experiment: string;
  readonly verdict: Pick<Verdict, 'class' | 'id'> | null;
  readonly interleaving: Interleaving;
}

/** What a report is about: runs of one experiment, schedules, or both. */
export interface ReportSubject {
  readonly results: readonly RunResult[];
  readonly schedules: readonly FoundSchedule[];
}

const PLAIN: TextOptions = { width: 110, color: false, unicode: true };
/** Rows of a sequence diagram before its first stall or conflict. */
const LEAD = 6;

/** Every picture of a report. */
export function reportCharts({ results, schedules }: ReportSubject): NamedChart[] {
  const sequences = schedules.map((schedule, n) => ({
    name: `schedule-${n + 1}`,
    title: scheduleTitle(schedule),
    svg: scheduleDiagram(schedule),
  }));
  return [...chartsOf(results), ...sequences];
}

const scheduleTitle = ({ kernel, experiment, verdict }: FoundSchedule): string =>
  `${experiment} on ${kernel}: ${verdict === null ? 'a schedule without a verdict' : `${verdict.class} (${verdict.id})`}`;

function scheduleDiagram(schedule: FoundSchedule): string {
  const { rows, cpus } = schedule.interleaving;
  const from = Math.max(0, rows.findIndex(({ kind }) => kind !== 'step') - LEAD);
  const shown = rows.slice(from);
  const used = Array.from({ length: cpus }, (_, cpu) => cpu).filter((cpu) => shown.some((row) => row.cpu === cpu));
  return sequenceDiagram({
    title: scheduleTitle(schedule),
    description: 'What each CPU did, in the order of model time; delays and the conflicting steps are marked.',
    actors: used.map((cpu) => `CPU${cpu}`),
    events: shown.map(({ cpu, time, text, kind }) => ({ actor: used.indexOf(cpu), time: formatNs(time), text, kind })),
  });
}

/** Quantities that say something: not 0 in every run. */
export function quantityRows(results: readonly RunResult[]): { head: string[]; rows: string[][] } {
  const { kernels, quantities } = compareResults(results);
  const show = ({ unit }: ComparedQuantity, value: number): string =>
    unit === 'ns' ? formatNs(value) : formatCount(value);
  const rows = quantities
    .filter(({ values }) => values.some((value) => value !== null && value.max !== 0))
    .map((quantity) => [
      quantity.label,
      ...quantity.values.flatMap((value, n) => {
        if (value === null) return n === 0 ? ['-'] : ['-', '-'];
        const spread = value.min === value.max ? '' : ` (${show(quantity, value.min)} to ${show(quantity, value.max)})`;
        const shown = show(quantity, value.mean) + spread;
        return n === 0 ? [shown] : [shown, formatRatio(value.ratio)];
      }),
    ]);
  return { head: ['', ...kernels.flatMap((kernel, n) => (n === 0 ? [kernel] : [kernel, 'ratio']))], rows };
}

function whatRan(results: readonly RunResult[]): string {
  const [run] = results;
  if (run === undefined) return '';
  const seeds = [...new Set(results.map(({ seed }) => seed))];
  const params = Object.entries(run.params).map(([key, value]) => `${key} ${valueText(value)}`);
  return htmlTerms([
    ['experiment', `${run.experiment}${params.length === 0 ? '' : `: ${params.join(', ')}`}`],
    ['machine', machineText(run, PLAIN)],
    ['configuration', run.config.join(', ')],
    [plural(seeds.length, 'seed'), seeds.join(', ')],
    ['outcome', [...new Set(results.map(({ outcome }) => outcome))].join(', ')],
  ]);
}

function verdictParts(results: readonly RunResult[]): string[] {
  const broken = results.filter(({ verdicts }) => verdicts.length > 0);
  if (results.length === 0) return [];
  if (broken.length === 0) return [textElement('p', 'No rule of the kernel was broken.', { class: 'good' })];
  return broken.flatMap(({ kernel, seed, verdicts }) =>
    verdicts.map(({ class: kind, id, object, detail, owner }) => {
      const about = [
        `${kernel}, seed ${seed}: ${kind} (${id}) on ${valueText(object)}`,
        detail,
        owner && `last legal owner: ${owner}`,
      ];
      return textElement('p', about.filter(Boolean).join('. '), { class: 'bad' });
    }),
  );
}

function findingParts(results: readonly RunResult[]): string {
  const rows = results.flatMap(({ kernel, seed, findings }) =>
    findings.map(({ class: kind, count, pinnedBy, detail }) => [
      `${kernel}, seed ${seed}`,
      `${formatCount(count)} ${kind}`,
      Object.entries(pinnedBy)
        .map(([what, n]) => `${valueText(n)} ${what}`)
        .join(', ') ||
        (detail ?? ''),
    ]),
  );
  return rows.length === 0 ? '' : htmlTable(['run', 'found', 'pinned by'], rows);
}

const section = (title: string, ...parts: readonly string[]): string =>
  parts.every((part) => part === '') ? '' : element('section', {}, [textElement('h2', title), ...parts].join('\n'));

/** A report as one self-contained HTML page. The same subject gives the same page. */
export function renderReport(subject: ReportSubject): string {
  const { results, schedules } = subject;
  const title =
    results[0] === undefined
      ? 'Schedules'
      : `${results[0].experiment}: ${[...new Set(results.map(({ kernel }) => kernel))].join(' and ')}`;
  const { head, rows } = quantityRows(results);
  const figures = reportCharts(subject).map(({ svg }) => element('figure', {}, svg));
  const command = commandOf(results);
  const texts = results.map((result) =>
    element(
      'details',
      {},
      textElement('summary', `${result.kernel}, seed ${result.seed}: everything that was measured`) +
        textElement('pre', renderRun(result, PLAIN)),
    ),
  );
  return htmlPage(title, [
    textElement('h1', title),
    ...(results.length > 0 ? headlines(results).map((line) => textElement('p', line, { class: 'headline' })) : []),
    whatRan(results),
    section(
      'Verdicts',
      ...verdictParts(results),
      ...schedules.map((schedule) => textElement('p', scheduleTitle(schedule))),
    ),
    rows.length === 0 ? '' : section('Figures', htmlTable(head, rows)),
    section('Pictures', ...figures),
    section('Findings: what is still held, and by what', findingParts(results)),
    command === '' ? '' : section('To run it again', textElement('pre', command)),
    section('In full', ...texts),
  ]);
}
