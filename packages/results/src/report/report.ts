import { element } from '../chart/svg.js';
import { type ComparedQuantity, compareResults } from '../compare.js';
import type { RunResult, Verdict } from '../schema.js';
import { formatCount, formatNs, formatRatio, plural } from '../text/format.js';
import { machineText, valueText } from '../text/header.js';
import type { TextOptions } from '../text/paper.js';
import { renderRun } from '../text/render-run.js';
import { chartsOf } from './charts.js';
import { commandNotes, commandOf } from './command.js';
import { findingRows } from './findings.js';
import { termsIn } from './glossary.js';
import { headlines } from './headline.js';
import { htmlFigure, htmlPage, htmlTable, htmlTerms, type Section, textElement } from './html.js';
import { scheduleChart, scheduleTitle, verdictChart } from './schedules.js';
import type { NamedChart, ReportAbout, ReportSubject } from './types.js';

const PLAIN: TextOptions = { width: 110, color: false, unicode: true };

/** Pictures of what broke a rule: schedules that were found, and the steps of each kind of verdict of each kernel. */
function verdictCharts({ results, schedules }: ReportSubject): NamedChart[] {
  const seen = new Set<string>();
  const ofRuns = results.flatMap((result) =>
    result.verdicts.flatMap((verdict) => {
      const key = `${result.kernel} ${verdict.class} ${verdict.id}`;
      if (seen.has(key)) return [];
      seen.add(key);
      return verdictChart(result, verdict, `verdict-${seen.size}`) ?? [];
    }),
  );
  return [...ofRuns, ...schedules.map((schedule, n) => scheduleChart(schedule, `schedule-${n + 1}`))];
}

/** Every picture of a report. */
export const reportCharts = (subject: ReportSubject): NamedChart[] => [
  ...chartsOf(subject.results),
  ...verdictCharts(subject),
];

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

/** Texts one behind the other, each as a sentence of its own. */
const sentences = (texts: readonly (string | undefined)[]): string =>
  texts
    .filter((text) => text !== undefined)
    .map((text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`)
    .join(' ');

const reasons = (about: ReportAbout | undefined): string[] =>
  (about?.kernels ?? []).flatMap(({ name, why }) =>
    why === undefined ? [] : textElement('p', `Why ${name}: ${why}.`),
  );

function whatRan(results: readonly RunResult[], about: ReportAbout | undefined): string {
  const [run] = results;
  if (run === undefined) return '';
  const seeds = [...new Set(results.map(({ seed }) => seed))];
  const params = Object.entries(run.params).map(([key, value]) => `${key} ${valueText(value)}`);
  const broker = run.live?.broker;
  return htmlTerms([
    ['experiment', `${run.experiment}${about?.experiment === undefined ? '' : `: ${about.experiment}`}`],
    ...(params.length === 0 ? [] : [['with', params.join(', ')] as const]),
    ...(about?.kernels ?? []).map(({ name, summary, source }) => [name, sentences([summary, source])] as const),
    ['machine', machineText(run, PLAIN)],
    ...(broker === undefined ? [] : [['broker', `${broker.server} (${broker.kind})`] as const]),
    ['configuration', run.config.join(', ')],
    [plural(seeds.length, 'seed'), seeds.join(', ')],
    ['outcome', [...new Set(results.map(({ outcome }) => outcome))].join(', ')],
  ]);
}

function verdictText({ kernel, seed }: RunResult, { class: kind, id, object, detail, owner }: Verdict): string {
  const about = [`${kernel}, seed ${seed}: ${kind} (${id}) on ${valueText(object)}`, detail];
  return [...about, owner && `last legal owner: ${owner}`].filter(Boolean).join('. ');
}

function verdictParts(subject: ReportSubject): string[] {
  const { results, schedules } = subject;
  const texts = results.flatMap((result) =>
    result.verdicts.map((verdict) => textElement('p', verdictText(result, verdict), { class: 'bad' })),
  );
  const ended = results.every(({ outcome }) => outcome === 'ok');
  const none = results.length > 0 && texts.length === 0;
  return [
    ...texts,
    none
      ? textElement('p', `No rule of the kernel was broken${ended ? '' : ' until the end of the run'}.`, {
          class: 'good',
        })
      : '',
    ...schedules.map((schedule) =>
      textElement('p', scheduleTitle(schedule), schedule.verdict === null ? {} : { class: 'bad' }),
    ),
    ...verdictCharts(subject).map(htmlFigure),
  ];
}

const fullText = (result: RunResult): string =>
  element(
    'details',
    {},
    textElement('summary', `${result.kernel}, seed ${result.seed}: everything that was measured`) +
      textElement('pre', renderRun(result, PLAIN), { tabindex: '0' }),
  );

/** A report as one self-contained HTML page. The same subject gives the same page. */
export function renderReport(subject: ReportSubject): string {
  const { results, schedules, about } = subject;
  const kernels = [...new Set(results.map(({ kernel }) => kernel))];
  const title =
    results[0] === undefined
      ? schedules.map(scheduleTitle).join('; ') || 'Nothing was run'
      : `${results[0].experiment}: ${kernels.join(' and ')}`;
  const { head, rows } = quantityRows(results);
  const findings = findingRows(results);
  const command = commandOf(results);
  const again = [
    textElement('pre', command, { class: 'command' }),
    ...commandNotes(results).map((note) => textElement('p', note)),
  ];
  const lines = results.length > 0 ? headlines(results) : [];
  const why = [...lines.map((line) => textElement('p', line, { class: 'headline' })), ...reasons(about)];
  const sections: Section[] = [
    { title: 'What was run', parts: [whatRan(results, about)] },
    { title: 'Verdicts', parts: verdictParts(subject) },
    { title: 'Figures', parts: rows.length === 0 ? [] : [spreadNote(results), htmlTable('Figures', head, rows)] },
    { title: 'Pictures', parts: picturesOf(results) },
    {
      title: 'Findings',
      parts:
        findings.length === 0
          ? []
          : [
              textElement('p', 'What is still there at the end of the run and why. None of it breaks a rule.'),
              htmlTable('Findings', ['kernel', 'what', 'how many', 'pinned by, or why'], findings, true),
            ],
    },
    { title: 'To run it again', parts: command === '' ? [] : again },
    { title: 'In full', parts: results.map(fullText) },
  ];
  const terms = termsIn(
    [title, ...why, ...sections.slice(0, -1).flatMap(({ title: name, parts }) => [name, ...parts])].join('\n'),
  );
  const words: Section = { title: 'Words', parts: terms.length === 0 ? [] : [htmlTerms(terms)] };
  return htmlPage(title, why, [...sections.slice(0, -2), words, ...sections.slice(-2)]);
}

/** Of several seeds most show the first. */
function picturesOf(results: readonly RunResult[]): string[] {
  const figures = chartsOf(results).map(htmlFigure);
  const several = new Set(results.map(({ seed }) => seed)).size > 1;
  const note = 'Pictures are of the first seed of each kernel, unless they say that they are of all.';
  return several && figures.length > 0 ? [textElement('p', note), ...figures] : figures;
}

function spreadNote(results: readonly RunResult[]): string {
  const seeds = new Set(results.map(({ seed }) => seed)).size;
  const kernels = new Set(results.map(({ kernel }) => kernel)).size;
  const notes = [
    kernels > 1 ? 'Each ratio is to the first kernel.' : '',
    seeds > 1 ? `Means over ${seeds} seeds; in brackets the least and the most, where seeds differ.` : '',
    results.some(({ live }) => live?.oversubscribed)
      ? 'There were more CPUs than cores: counts are exact, host times show order and not cost.'
      : '',
  ];
  const text = notes.filter((note) => note !== '').join(' ');
  return text === '' ? '' : textElement('p', text);
}
