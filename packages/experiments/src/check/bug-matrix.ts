import { availableParallelism } from 'node:os';
import {
  type BugCaseResult,
  type BugCell,
  type BugMark,
  type BugMatrixResult,
  pathComponent,
  suggestion,
} from '@kmemlab/results';
import { InputError, type Scenario } from '../api.js';
import { bugClasses } from '../bugs/classes.js';
import { bugColumns } from '../bugs/columns.js';
import type { BugCase, BugClass, BugColumn, WantedFinding } from '../bugs/types.js';
import { wantedVerdict } from '../bugs/verdicts.js';
import { resolveScenario } from '../scenario/resolve.js';
import { answersFor, type CaseTask, type CaseTried } from './bug-case.js';
import { parseReplayFile, type ReplayFile } from './replay-file.js';
import { abortOf, SearchThreads } from './search-threads.js';

const DEFAULT_SCHEDULES = 300;
const DEPTH = 3;

export interface BugMatrixRequest {
  /** Columns by kernel or variant, and rows by id; all if absent. */
  readonly kernels?: readonly string[];
  readonly variants?: readonly string[];
  readonly bugs?: readonly string[];
  /** Only the cases that are to be found, or those that must not; all if absent. */
  readonly expect?: BugCase['expect'];
  /** For each case that is searched. */
  readonly schedules?: number;
  readonly seed?: number;
}

/** A replay file by its name. */
export interface NamedReplay {
  readonly name: string;
  readonly file: ReplayFile;
}

export interface BugMatrixOptions {
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  /** What an earlier run came to: a case is not searched again if its first schedule is the same. */
  readonly previous?: BugMatrixResult;
  /** The text of a replay file of it, by name. */
  readonly keptReplay?: (name: string) => string | undefined;
  /** Called with the number of finished cases. */
  readonly onProgress?: (done: number, total: number, what: string) => void;
  /** Called after each cell with all cells so far, and with the replay files that are new. */
  readonly onCell?: (result: BugMatrixResult, cell: BugCell, replays: readonly NamedReplay[]) => void;
}

/** A cell to be decided: a row in a column that has cases of it, and which of them are asked for. */
interface WantedCell {
  readonly bug: BugClass;
  readonly column: BugColumn;
  readonly cases: readonly BugCase[];
}

/** One case of it, and how it came out. */
interface Job {
  readonly cell: WantedCell;
  readonly index: number;
  readonly one: BugCase;
}

/**
 * Decide the cells of the bug matrix: each by searches under the same number of schedules, or for findings by runs.
 * @throws InputError for an unknown kernel, variant or row, or a previous run of another kind
 */
export async function bugMatrix(
  request: BugMatrixRequest = {},
  options: BugMatrixOptions = {},
): Promise<BugMatrixResult> {
  const { schedules = DEFAULT_SCHEDULES, seed = 1 } = request;
  const started = performance.now();
  const wanted = wantedCells(request);
  const about = { strategy: 'pct', depth: DEPTH, seed, asked: schedules } as const;
  if (options.previous !== undefined) checkPrevious(options.previous, about);
  const jobs = wanted.flatMap((cell) => cell.cases.map((one, index): Job => ({ cell, index, one })));
  const searches = jobsBySearch(jobs);
  const done = new Map<WantedCell, (Decided | undefined)[]>(wanted.map((cell) => [cell, []]));
  const others = await othersBefore(wanted, options.previous, seed);
  const cells: BugCell[] = [];
  const aborted = abortOf(options.signal);
  const interrupted = (): boolean => options.signal?.aborted ?? false;
  const resultSoFar = (): BugMatrixResult => ({
    schema: 'kmemlab.bug-matrix/1',
    ...about,
    bugs: bugClasses.filter(({ id }) => wanted.some(({ bug }) => bug.id === id)),
    columns: bugColumns
      .filter((column) => wanted.some((cell) => cell.column === column))
      .map(({ variant, kernel }) => ({ variant, kernel })),
    cells: wanted.flatMap(({ bug, column }) => cells.filter((cell) => isAt(cell, bug.id, column.kernel))),
    wanted: wanted.length,
    outcome: outcomeOf(cells, cells.length < wanted.length),
    elapsed: { hostNs: Math.round((performance.now() - started) * 1e6) },
  });
  const threads = new SearchThreads(Math.max(1, Math.min(options.jobs ?? availableParallelism(), searches.length)));
  try {
    let next = 0;
    let finished = 0;
    const settle = ({ cell, index }: Job, decided: Decided): void => {
      options.onProgress?.(++finished, jobs.length, `${cell.bug.id} in ${cell.column.kernel}`);
      const all = done.get(cell) ?? [];
      all[index] = decided;
      if (cell.cases.some((_, at) => all[at] === undefined)) return;
      const results = all as Decided[];
      const finishedCell = cellOf(cell, (one) => results[cell.cases.indexOf(one)]?.result ?? others.get(one));
      cells.push(finishedCell);
      options.onCell?.(
        resultSoFar(),
        finishedCell,
        results.flatMap(({ replay }) => (replay === undefined ? [] : [replay])),
      );
    };
    const work = async (): Promise<void> => {
      for (let same = searches[next++]; same !== undefined; same = searches[next++]) {
        let before: CaseTried | undefined;
        for (const job of same) {
          if (interrupted()) return;
          const deciding = decide(job, { ...request, schedules, seed }, options, threads, before);
          const decided = await Promise.race([deciding, aborted]);
          if (decided === undefined) return;
          before = decided.tried;
          settle(job, decided);
        }
      }
    };
    await Promise.all(Array.from({ length: threads.count }, work));
  } finally {
    await threads.close();
  }
  return resultSoFar();
}

/** Cases that only look for different verdicts in the same schedules, together. */
function jobsBySearch(jobs: readonly Job[]): Job[][] {
  const bySearch = new Map<string, Job[]>();
  for (const job of jobs) {
    const { kernel = job.cell.column.kernel, experiment, nodes, cpusPerNode, config, params, costs } = job.one;
    const { finding, windows, from } = job.one;
    const about = [kernel, experiment, nodes, cpusPerNode, config, params, costs, finding, windows, from];
    const key = JSON.stringify(about);
    const same = bySearch.get(key);
    if (same === undefined) bySearch.set(key, [job]);
    else same.push(job);
  }
  return [...bySearch.values()];
}

const isAt = (cell: BugCell, bug: string, kernel: string): boolean => cell.bug === bug && cell.kernel === kernel;

const outcomeOf = (cells: readonly BugCell[], incomplete: boolean): BugMatrixResult['outcome'] =>
  cells.some(({ asExpected }) => !asExpected) ? 'violation' : incomplete ? 'incomplete' : 'ok';

/** An earlier result with the cells of a later one put in. */
export function mergeBugMatrix(previous: BugMatrixResult | undefined, result: BugMatrixResult): BugMatrixResult {
  if (previous === undefined) return result;
  const all = [
    ...previous.cells.filter((old) => !result.cells.some((cell) => isAt(cell, old.bug, old.kernel))),
    ...result.cells,
  ];
  const cells = bugColumns.flatMap(({ kernel }) =>
    bugClasses.flatMap(({ id }) => all.filter((cell) => isAt(cell, id, kernel))),
  );
  const wanted = Math.max(result.wanted, cells.length);
  return {
    ...result,
    bugs: bugClasses.filter(({ id }) => cells.some(({ bug }) => bug === id)),
    columns: bugColumns
      .filter((column) => cells.some(({ kernel }) => kernel === column.kernel))
      .map(({ variant, kernel }) => ({ variant, kernel })),
    cells,
    wanted,
    outcome: outcomeOf(cells, cells.length < wanted),
  };
}

function wantedCells({ kernels = [], variants = [], bugs = [], expect }: BugMatrixRequest): WantedCell[] {
  known(
    '--kernel',
    kernels,
    bugColumns.map(({ kernel }) => kernel),
  );
  known(
    '--variant',
    variants,
    bugColumns.map(({ variant }) => variant),
  );
  known(
    '--bug',
    bugs,
    bugClasses.map(({ id }) => id),
  );
  const anyColumn = kernels.length + variants.length === 0;
  const wanted = bugColumns
    .filter(({ kernel, variant }) => anyColumn || kernels.includes(kernel) || variants.includes(variant))
    .flatMap((column) =>
      bugClasses
        .filter(({ id }) => bugs.length === 0 || bugs.includes(id))
        .map((bug) => ({
          bug,
          column,
          cases: (column.cases[bug.id] ?? []).filter((one) => expect === undefined || one.expect === expect),
        })),
    )
    .filter(({ cases }) => cases.length > 0);
  if (wanted.length === 0) {
    throw new InputError('matrix: this bug is not asked of this kernel; leave --bug, --kernel or --variant out');
  }
  return wanted;
}

function known(flag: string, names: readonly string[], all: readonly string[]): void {
  for (const name of names) {
    if (!all.includes(name))
      throw new InputError(`${flag} ${name}: not in the matrix; ${suggestion(name, [...new Set(all)])}`);
  }
}

type About = Pick<BugMatrixResult, 'strategy' | 'depth' | 'seed' | 'asked'>;

function checkPrevious(previous: BugMatrixResult, about: About): void {
  for (const name of ['strategy', 'depth', 'seed', 'asked'] as const) {
    if (previous[name] === about[name]) continue;
    const what = name === 'asked' ? 'schedules' : name;
    throw new InputError(
      `--out: the matrix there is of ${what} ${previous[name]}, this one of ${about[name]}; give the same, or another --out`,
    );
  }
}

interface Decided {
  readonly result: BugCaseResult;
  readonly tried: CaseTried;
  readonly replay?: NamedReplay;
}

/** A column's name for one of its cases, safe in a file name. */
export const replayName = (column: Pick<BugColumn, 'variant' | 'kernel'>, bug: string, index: number): string => {
  const version = column.kernel.split('+')[0];
  const number = index === 0 ? '' : `-${index + 1}`;
  return `${pathComponent(`${column.variant.replaceAll('’', "'")}-${version}-${bug}${number}`)}.replay.json`;
};

/** The scenario of a case in its column. */
export async function scenarioOfCase(column: BugColumn, one: BugCase, seed: number): Promise<Scenario> {
  const { experiment, nodes, cpusPerNode, config, params = {}, costs = {} } = one;
  const scenario = await resolveScenario({
    ...{ experiment, nodes, cpusPerNode, seed, engine: 'sim', forSearch: true },
    kernel: one.kernel ?? column.kernel,
    ...(config !== undefined && { config }),
    params: Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)])),
  });
  return { ...scenario, costs };
}

const wantedText = ({ class: name, pinnedBy, phase }: WantedFinding): string =>
  [name, ...(pinnedBy === undefined ? [] : [`by ${pinnedBy}`]), ...(phase === undefined ? [] : [`at ${phase}`])].join(
    ' ',
  );

type Searched = Pick<
  BugCaseResult,
  'experiment' | 'kernel' | 'config' | 'machine' | 'params' | 'costs' | 'wanted' | 'windows' | 'from'
>;

/** A case's scenario, and what is searched for where. */
async function searchOf(bug: BugClass, column: BugColumn, one: BugCase, seed: number) {
  const { finding, windows, from } = one;
  const scenario = await scenarioOfCase(column, one, seed);
  const { experiment, kernel, config, nodes, cpusPerNode, params, costs } = scenario;
  const about: Searched = {
    ...{ experiment, kernel, config, machine: { nodes, cpusPerNode }, params, costs },
    wanted: finding === undefined ? wantedVerdict(bug, one) : wantedText(finding),
    ...(windows !== undefined && { windows }),
    ...(from !== undefined && { from }),
  };
  return { scenario, about };
}

/** The same text, the same search. */
const identity = ({ windows = [], from = '', ...one }: Searched): string => {
  const { experiment, kernel, config, machine, params, costs, wanted } = one;
  return JSON.stringify([experiment, kernel, config, machine, params, costs, wanted, windows, from]);
};

/** What an earlier run came to. */
const resultBefore = (
  previous: BugMatrixResult | undefined,
  { bug, column }: WantedCell,
  about: Searched,
): BugCaseResult | undefined =>
  previous?.cells
    .find((old) => isAt(old, bug.id, column.kernel))
    ?.cases.find((old) => identity(old) === identity(about) && old.failure === undefined);

/** Cases that are not asked for, but stand in the same cells: what an earlier run came to is left as it is. */
async function othersBefore(
  wanted: readonly WantedCell[],
  previous: BugMatrixResult | undefined,
  seed: number,
): Promise<ReadonlyMap<BugCase, BugCaseResult>> {
  const known = new Map<BugCase, BugCaseResult>();
  for (const cell of previous === undefined ? [] : wanted) {
    const { bug, column, cases } = cell;
    for (const one of (column.cases[bug.id] ?? []).filter((other) => !cases.includes(other))) {
      const result = resultBefore(previous, cell, (await searchOf(bug, column, one, seed)).about);
      if (result !== undefined) known.set(one, result);
    }
  }
  return known;
}

async function decide(
  { cell, one }: Job,
  { schedules, seed }: Required<Pick<BugMatrixRequest, 'schedules' | 'seed'>>,
  { previous, keptReplay }: BugMatrixOptions,
  threads: SearchThreads,
  sameSearch: CaseTried | undefined,
): Promise<Decided> {
  const { bug, column } = cell;
  const { expect, condition, finding, windows, from } = one;
  const begun = performance.now();
  const { scenario, about } = await searchOf(bug, column, one, seed);
  const only = wantedVerdict(bug, one);
  const earlier = resultBefore(previous, cell, about);
  const kept = earlier?.replay === undefined ? undefined : keptReplay?.(earlier.replay);
  const task: CaseTask = {
    plan: {
      ...{ scenario, strategy: 'pct', depth: DEPTH, schedules, anyVerdict: false, only },
      ...(windows !== undefined && { windows }),
      ...(from !== undefined && { from }),
    },
    ...(finding !== undefined && { finding }),
    ...(earlier !== undefined && { known: earlier.digest }),
    ...(kept !== undefined && { kept: parseReplayFile(earlier?.replay ?? '', kept) }),
  };
  const answered = sameSearch !== undefined && earlier === undefined && answersFor(sameSearch, only);
  const tried = answered ? sameSearch : await threads.run<CaseTried>(task, 'tryCase');
  const expected = { expect, ...(condition !== undefined && { condition }) };
  if (tried.unchanged && earlier !== undefined) {
    const { condition: _, ...same } = earlier;
    return { result: { ...same, ...expected }, tried };
  }
  const { replay, unchanged: _, otherVerdicts: __, failure, ...rest } = tried;
  const name = replayName(column, bug.id, column.cases[bug.id]?.indexOf(one) ?? 0);
  return {
    result: {
      ...expected,
      ...about,
      ...rest,
      ...(failure !== undefined && { failure: { kind: 'internal', detail: failure } }),
      ...(replay !== undefined && { replay: name }),
      hostNs: Math.round((performance.now() - begun) * 1e6),
    },
    ...(replay !== undefined && { replay: { name, file: replay } }),
    tried,
  };
}

const markOf = (found: readonly boolean[]): BugMark =>
  found.every((one) => one) ? 'found' : found.some((one) => one) ? 'conditional' : 'clean';

function cellOf({ bug, column }: WantedCell, resultOf: (one: BugCase) => BugCaseResult | undefined): BugCell {
  const cases = (column.cases[bug.id] ?? []).flatMap((one) => resultOf(one) ?? []);
  const failed = cases.some(({ failure }) => failure !== undefined);
  return {
    bug: bug.id,
    variant: column.variant,
    kernel: column.kernel,
    expected: markOf(cases.map(({ expect }) => expect === 'found')),
    ...(!failed && { mark: markOf(cases.map(({ found }) => found)) }),
    asExpected: cases.every(({ expect, found, failure }) => failure === undefined && found === (expect === 'found')),
    cases,
  };
}
