import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { CompareResult, FoundSchedule, Interleaving, ReportSubject, RunResult, Verdict } from '@kmemlab/results';
import { readInput } from './request.js';
import { UsageError } from './usage-error.js';

/** Documents larger than this are refused, in bytes. */
const MOST_BYTES = 256 * 1024 * 1024;

/** `kmemlab replay --json`. */
interface InterleavingDocument extends Interleaving {
  readonly schema: 'kmemlab.interleaving/1';
  readonly file: { readonly scenario: { readonly kernel: string; readonly experiment: string } };
  readonly verdict: Verdict | null;
}

type Document = RunResult | CompareResult | InterleavingDocument;

/** What documents of each schema must have. */
const PARTS: Readonly<Record<Document['schema'], readonly string[]>> = {
  'kmemlab.result/1': [
    'experiment',
    'kernel',
    'machine',
    'params',
    'counters',
    'phases',
    'durations',
    'verdicts',
    'findings',
  ],
  'kmemlab.compare/1': ['results'],
  'kmemlab.interleaving/1': ['file', 'rows', 'cpus'],
};

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** The document that a path stands for: a file, or that of a run directory. */
function documentPath(path: string): string {
  if (!isDirectory(path)) return path;
  const found = ['compare.json', 'result.json'].map((name) => join(path, name)).find(isFile);
  if (found === undefined) {
    throw new UsageError(
      `${path}: no run directory, it has neither compare.json nor result.json; name one below runs/`,
    );
  }
  return found;
}

async function readDocument(path: string): Promise<Document> {
  const file = documentPath(path);
  const text = await readInput('document', file, MOST_BYTES);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new UsageError(`document ${file}: not JSON; give a run directory, or what --json prints`);
  }
  const fields =
    typeof document === 'object' && document !== null ? (document as Readonly<Record<string, unknown>>) : {};
  const parts = PARTS[fields.schema as Document['schema']];
  if (typeof fields.schema === 'string' && fields.schema.startsWith('kmemlab.replay/')) {
    throw new UsageError(`document ${file}: a replay file; give what "kmemlab replay ${file} --json" prints`);
  }
  if (parts === undefined) {
    throw new UsageError(
      `document ${file}: its schema is none of ${Object.keys(PARTS).join(', ')}; give a run directory, or what --json prints`,
    );
  }
  const missing = parts.find((part) => fields[part] === undefined);
  if (missing !== undefined) throw new UsageError(`document ${file}: it has no ${missing}; run the experiment again`);
  return document as Document;
}

/** Pictures have a place for each CPU of the machine, and each CPU has its counters. */
function checkMachine(path: string, { machine, counters }: RunResult): void {
  const { nodes = 0, cpusPerNode = 0 } = machine ?? {};
  if (nodes * cpusPerNode !== counters?.interrupts?.CAL?.length)
    throw new UsageError(
      `document ${path}: it is damaged, its counters are of another machine; run the experiment again`,
    );
}

function scheduleOf({ file, verdict, rows, cpus }: InterleavingDocument): FoundSchedule {
  const { kernel, experiment } = file.scenario;
  return { kernel, experiment, verdict, interleaving: { rows, cpus } };
}

/** Reads run directories, results, comparisons and replays. Throws {@link UsageError}. */
export async function readSubject(paths: readonly string[]): Promise<ReportSubject> {
  const results: RunResult[] = [];
  const schedules: FoundSchedule[] = [];
  for (const path of paths) {
    const document = await readDocument(path);
    if (document.schema === 'kmemlab.interleaving/1') {
      schedules.push(scheduleOf(document));
      continue;
    }
    for (const result of document.schema === 'kmemlab.compare/1' ? document.results : [document]) {
      checkMachine(path, result);
      results.push(result);
    }
  }
  const [first] = results;
  const other = results.find(({ experiment }) => experiment !== first?.experiment);
  if (first !== undefined && other !== undefined) {
    throw new UsageError(
      `report: runs of ${first.experiment} and of ${other.experiment}; a report is about one experiment, make two`,
    );
  }
  return { results, schedules };
}
