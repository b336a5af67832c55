import { availableParallelism } from 'node:os';
import { patches } from '@kmemlab/kernel';
import type { MatrixResult, MatrixRow } from '@kmemlab/results';
import type { PatchFile } from '../api.js';
import { resolveScenario } from '../scenario/resolve.js';
import { abortOf, SearchThreads } from './search-threads.js';
import type { SearchPlan, Tried } from './types.js';

const DEFAULT_SCHEDULES = 300;
const DEPTH = 3;

/** What each kernel goes through until something is found: first what its patch names, then in this order. */
const SCENARIOS = [
  { experiment: 'torture', nodes: 2, cpusPerNode: 2 },
  { experiment: 'torture', nodes: 1, cpusPerNode: 1 },
  { experiment: 'tune-slabinfo', nodes: 2, cpusPerNode: 2 },
  { experiment: 'avoid-ipis', nodes: 2, cpusPerNode: 2 },
  { experiment: 'rcutorture', nodes: 2, cpusPerNode: 2 },
];

type ScenarioShape = (typeof SCENARIOS)[number];

const nameOf = ({ experiment, nodes, cpusPerNode }: ScenarioShape): string => `${experiment} ${nodes}x${cpusPerNode}`;

export interface MatrixRequest {
  readonly version: string;
  readonly config?: string;
  /** The user's own patches, each in a row of its own. */
  readonly patchFiles?: readonly PatchFile[];
  readonly schedules?: number;
  readonly seed?: number;
  /** Names of the mutations to search; all that apply to the version if absent. */
  readonly only?: readonly string[];
}

export interface MatrixOptions {
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  /** Called with the number of finished rows. */
  readonly onProgress?: (done: number, total: number, patch: string) => void;
}

interface Subject {
  readonly patch?: string;
  readonly breaks?: string;
  readonly config?: string;
  readonly shownBy?: string;
  readonly file?: PatchFile;
}

/** How one scenario of one kernel came out. */
interface Column {
  readonly name: string;
  readonly tried: Tried;
  readonly hostNs: number;
}

/**
 * Search every mutation for what it breaks, and the unbroken kernel for anything, each under the same schedules.
 * @throws InputError if the version, the configuration or a patch file is wrong
 */
export async function mutationMatrix(request: MatrixRequest, options: MatrixOptions = {}): Promise<MatrixResult> {
  const { version, schedules = DEFAULT_SCHEDULES, seed = 1 } = request;
  const own = (request.patchFiles ?? []).map((file): Subject => ({ patch: file.path, file }));
  const asked = patches.filter(({ name, mutation }) => mutation && (request.only?.includes(name) ?? true));
  const applying = asked.filter(({ appliesTo }) => appliesTo?.includes(version) ?? true);
  const mutations = applying.filter(({ aimed }) => !aimed);
  const broken = mutations.map(
    ({ name, breaks, config, shownBy }): Subject => ({
      patch: name,
      ...(shownBy !== undefined && { shownBy }),
      ...(breaks !== undefined && { breaks }),
      ...(config !== undefined && { config }),
    }),
  );
  const subjects: readonly Subject[] = [{}, ...broken, ...own];
  const started = performance.now();
  const { config } = await resolveScenario(requestFor(request, {}, SCENARIOS[0] as ScenarioShape));
  const threads = new SearchThreads(options.jobs ?? availableParallelism());
  const aborted = abortOf(options.signal);
  const rows: MatrixRow[] = [];
  try {
    let done = 0;
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < subjects.length && !options.signal?.aborted; index = next++) {
        const subject = subjects[index] as Subject;
        const row = await Promise.race([rowOf(subject, request, (plan) => threads.run(plan, 'tryAlone')), aborted]);
        if (row === undefined) return;
        rows[index] = row;
        options.onProgress?.(++done, subjects.length, subject.patch ?? version);
      }
    };
    await Promise.all(Array.from({ length: threads.count }, work));
  } finally {
    await threads.close();
  }
  const interrupted = options.signal?.aborted ?? false;
  const wrong = rows.some(({ asExpected }) => !asExpected);
  return {
    schema: 'kmemlab.matrix/1',
    version,
    config,
    strategy: 'pct',
    seed,
    asked: schedules,
    scenarios: SCENARIOS.map(nameOf),
    rows: rows.filter((row) => row !== undefined),
    leftOut: asked.filter((patch) => !mutations.includes(patch)).map(({ name }) => name),
    aimed: applying.filter(({ aimed }) => aimed).map(({ name }) => name),
    outcome: wrong ? 'violation' : interrupted ? 'incomplete' : 'ok',
    elapsed: { hostNs: Math.round((performance.now() - started) * 1e6) },
  };
}

type TryAlone = (plan: SearchPlan) => Promise<Tried>;

/** A mutation of one allocator's code is searched in a kernel with that allocator. */
function configFor({ config }: MatrixRequest, { breaks = '' }: Subject): string | undefined {
  const [, allocator] = /^(SLAB|SLUB)-/.exec(breaks) ?? [];
  if (allocator === undefined) return config;
  const others = (config ?? '').split(',').filter((token) => token !== '' && token !== 'slab' && token !== 'slub');
  return [allocator.toLowerCase(), ...others].join(',');
}

/** SLUB has no tunables to write. */
function scenariosFor(config: string | undefined, { shownBy }: Subject): readonly ScenarioShape[] {
  const slub = config?.split(',').includes('slub') ?? false;
  const possible = SCENARIOS.filter(({ experiment }) => experiment !== 'tune-slabinfo' || !slub);
  const soonest = possible.filter((shape) => nameOf(shape) === shownBy);
  return [...soonest, ...possible.filter((shape) => !soonest.includes(shape))];
}

async function rowOf(subject: Subject, request: MatrixRequest, tryAlone: TryAlone): Promise<MatrixRow> {
  const { schedules = DEFAULT_SCHEDULES } = request;
  const columns: Column[] = [];
  const config = configFor(request, subject);
  for (const shape of scenariosFor(config, subject)) {
    const scenario = await resolveScenario(
      requestFor({ ...request, ...(config !== undefined && { config }) }, subject, shape),
    );
    const begun = performance.now();
    const { breaks } = subject;
    const only = breaks !== undefined && { only: breaks };
    const tried = await tryAlone({
      scenario,
      strategy: 'pct',
      depth: DEPTH,
      schedules,
      anyVerdict: true,
      ...only,
    });
    columns.push({ name: nameOf(shape), tried, hostNs: (performance.now() - begun) * 1e6 });
    if (tried.found !== undefined || tried.failure !== undefined) break;
  }
  return describe(subject, columns);
}

function requestFor(request: MatrixRequest, { patch, file, config = request.config }: Subject, shape: ScenarioShape) {
  const { version, seed } = request;
  return {
    ...shape,
    kernel: patch === undefined || file !== undefined ? version : `${version}+${patch}`,
    ...(file !== undefined && { patchFiles: [file] }),
    ...(config !== undefined && { config }),
    ...(seed !== undefined && { seed }),
    engine: 'sim' as const,
    forSearch: true,
  };
}

function describe({ patch, breaks, file }: Subject, columns: readonly Column[]): MatrixRow {
  const last = columns[columns.length - 1] as Column;
  const { failure } = last.tried;
  const shown =
    columns.find(({ tried }) => tried.found !== undefined) ?? columns.find(({ tried }) => tried.other !== undefined);
  const verdict = (shown?.tried.found ?? shown?.tried.other)?.verdict;
  return {
    ...(patch !== undefined && { patch }),
    ...(breaks !== undefined && { breaks }),
    ...(verdict !== undefined && { verdict: { class: verdict.class, id: verdict.id }, scenario: shown?.name ?? '' }),
    schedules: columns.reduce((sum, { tried }) => sum + tried.schedules, 0),
    hostNs: Math.round(columns.reduce((sum, { hostNs }) => sum + hostNs, 0)),
    asExpected:
      failure === undefined &&
      (breaks === undefined ? verdict === undefined : [verdict?.id, verdict?.class].includes(breaks)),
    ...(failure !== undefined && {
      failure: { kind: file === undefined ? 'internal' : 'patch-threw', detail: failure.detail },
    }),
  };
}
