import { join } from 'node:path';
import { oneLine, type ReportSubject, renderCsv, renderMarkdown, renderReport, reportCharts } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { aboutOf } from '../about.js';
import { readSubject } from '../documents.js';
import { filled } from '../flags.js';
import { type CommandThis, ExitStatus } from '../types.js';
import { UsageError } from '../usage-error.js';
import { writeDocument } from '../write-document.js';

interface ReportFlags {
  readonly out?: string;
  readonly markdown: boolean;
  readonly csv: boolean;
  readonly svg?: string;
}

const DESCRIPTION = `Writes runs as one page to hand on: what was run, what came of it in a sentence, figures, pictures, verdicts, and the
command that runs it again. The page is one HTML file that needs nothing else, for light and dark screens and for paper.

RUN is a run directory below runs/, or a file with what --json printed: a result, a comparison, or a replay, whose schedule
becomes a sequence diagram with one column per CPU. Several runs of one experiment stand side by side, the first kernel is
the one the others are compared with.

--markdown and --csv print the figures on stdout instead, for a mail or a spreadsheet.

Exit status: 0 ok, 2 wrong usage or input, or nothing can be written there, 3 the disk is full.

EXAMPLES
  kmemlab compare avoid-ipis --kernel v4.10 --kernel v4.12 --out mine && kmemlab report mine
  kmemlab report runs/2017-01-17T12-34-56.789Z-avoid-ipis --out patch.html --svg pictures
  kmemlab replay uaf.json --json > shown.json; kmemlab report mine shown.json
  kmemlab report mine --markdown`;

/** A document that has all its parts may still be damaged within. The first that makes no page by itself is the one. */
async function damaged(
  paths: readonly string[],
  subjectOf: (paths: readonly string[]) => Promise<ReportSubject>,
  cause: unknown,
): Promise<UsageError> {
  for (const path of paths) {
    try {
      renderReport(await subjectOf([path]));
    } catch (error) {
      return new UsageError(`document ${path}: it is damaged (${oneLine(error)}); run the experiment again`);
    }
  }
  return new UsageError(`report: these documents make no page together (${oneLine(cause)}); report on each by itself`);
}

export const reportCommand = buildCommand<ReportFlags, string[], CommandThis>({
  async func({ out, markdown, csv, svg }, ...paths) {
    const { cli } = this;
    if (paths.length === 0) throw new UsageError('report: no run named; give a run directory such as one below runs/');
    if (markdown && csv) throw new UsageError('report: --markdown and --csv at once; give one of them');
    const engine = await cli.loadEngine();
    const subjectOf = async (runs: readonly string[]): Promise<ReportSubject> => {
      const read = await readSubject(runs);
      return { ...read, about: aboutOf(engine, read.results, read.schedules) };
    };
    const subject = await subjectOf(paths);
    const rendered = <T>(render: () => T): Promise<T> =>
      Promise.resolve()
        .then(render)
        .catch(async (error: unknown) => {
          throw await damaged(paths, subjectOf, error);
        });
    if ((markdown || csv) && subject.results.length === 0) {
      throw new UsageError('report: --markdown and --csv need a run, a replay alone has no figures');
    }
    if (svg !== undefined) {
      for (const { name, svg: text } of await rendered(() => reportCharts(subject))) {
        writeDocument(join(svg, `${name}.svg`), text, '--svg', cli.fileSystem);
      }
      cli.stderr.write(`pictures: ${svg}\n`);
    }
    const renderFigures = markdown ? renderMarkdown : renderCsv;
    if (markdown || csv) cli.stdout.write(await rendered(() => renderFigures(subject.results)));
    else {
      const path = out ?? 'report.html';
      writeDocument(path, await rendered(() => renderReport(subject)), '--out', cli.fileSystem);
      cli.stderr.write(`report: ${path}\n`);
    }
    this.status = ExitStatus.ok;
  },
  parameters: {
    flags: {
      out: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        placeholder: 'FILE',
        brief: 'Where the page goes (default report.html)',
      },
      markdown: { kind: 'boolean', default: false, withNegated: false, brief: 'Print the figures as Markdown instead' },
      csv: { kind: 'boolean', default: false, withNegated: false, brief: 'Print the figures as CSV instead' },
      svg: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        placeholder: 'DIR',
        brief: 'Also write every picture as an SVG file there',
      },
    },
    positional: {
      kind: 'array',
      parameter: { brief: 'Run directories or documents', parse: filled, placeholder: 'run' },
    },
  },
  docs: { brief: 'Write runs as a page to hand on', fullDescription: DESCRIPTION },
});
