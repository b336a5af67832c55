import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BugCell, type BugMatrixResult, renderBugMatrix, toJson } from '@kmemlab/results';
import { readInput } from '../request.js';
import { StepLine } from '../step-line.js';
import { textOptions } from '../terminal.js';
import { type CommandThis, statusOfOutcome } from '../types.js';
import { UsageError } from '../usage-error.js';
import { writeDocument } from '../write-document.js';

export interface BugMatrixFlags {
  readonly kernel?: readonly string[];
  readonly variant?: readonly string[];
  readonly bug?: readonly string[];
  readonly found?: boolean;
  readonly schedules?: number;
  readonly seed?: number;
  readonly jobs?: number;
  readonly out?: string;
  readonly json: boolean;
}

const SCHEMA: BugMatrixResult['schema'] = 'kmemlab.bug-matrix/1';
const MOST_BYTES = 64 * 1024 * 1024;

const documentIn = (out: string): string => join(out, 'matrix.json');

const replaysOf = ({ cases }: BugCell): string[] =>
  cases.flatMap(({ replay }) => (replay === undefined ? [] : [replay]));

/** The matrix that is in a directory already; a case whose replay file is gone counts as not decided. */
async function readPrevious(out: string): Promise<BugMatrixResult | undefined> {
  const path = documentIn(out);
  if (!existsSync(path)) return undefined;
  const text = await readInput('--out', path, MOST_BYTES);
  let document: BugMatrixResult | undefined;
  try {
    document = JSON.parse(text) as BugMatrixResult;
  } catch {
    // Said below.
  }
  const whole = ({ bug, kernel, cases }: Partial<BugCell>): boolean =>
    typeof bug === 'string' && typeof kernel === 'string' && Array.isArray(cases);
  if (document?.schema !== SCHEMA || !Array.isArray(document.cells) || !document.cells.every(whole)) {
    throw new UsageError(`--out ${path}: no ${SCHEMA} document; choose another --out`);
  }
  const kept = document.cells.filter((cell) => replaysOf(cell).every((name) => existsSync(join(out, name))));
  return { ...document, cells: kept };
}

/** Fill the bug matrix, or the part of it that was asked for. */
export async function runBugMatrix(self: CommandThis, flags: BugMatrixFlags): Promise<void> {
  const { kernel, variant, bug, found, schedules, seed, jobs, out, json } = flags;
  const { cli } = self;
  const { searches } = await cli.loadEngine();
  const previous = out === undefined ? undefined : await readPrevious(out);
  const line = new StepLine(cli.stderr);
  const keep = (result: BugMatrixResult): void => {
    if (out === undefined) return;
    writeDocument(documentIn(out), toJson(searches.mergeBugMatrix(previous, result)), '--out', cli.fileSystem);
  };
  const result = await searches
    .bugMatrix(
      {
        ...(kernel !== undefined && { kernels: kernel }),
        ...(variant !== undefined && { variants: variant }),
        ...(bug !== undefined && { bugs: bug }),
        ...(found === true && { expect: 'found' as const }),
        ...(schedules !== undefined && { schedules }),
        ...(seed !== undefined && { seed }),
      },
      {
        ...(jobs !== undefined && { jobs }),
        ...(previous !== undefined && { previous }),
        ...(out !== undefined && { keptReplay: (name) => readFileSync(join(out, name), 'utf8') }),
        signal: cli.signal,
        onProgress: line.show,
        onCell: (soFar, cell, replays) => {
          if (out === undefined) return;
          for (const { name, file } of replays) writeDocument(join(out, name), toJson(file), '--out', cli.fileSystem);
          const before = previous?.cells.find((old) => old.bug === cell.bug && old.kernel === cell.kernel);
          const names = replaysOf(cell);
          for (const name of before === undefined ? [] : replaysOf(before)) {
            if (!names.includes(name)) rmSync(join(out, name), { force: true });
          }
          keep(soFar);
        },
      },
    )
    .finally(() => line.clear());
  keep(result);
  cli.stdout.write(json ? toJson(result) : renderBugMatrix(result, textOptions(cli)));
  self.status = statusOfOutcome[result.outcome];
}
