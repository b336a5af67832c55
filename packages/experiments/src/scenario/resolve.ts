import type { KernelConfig } from '@kmemlab/kernel';
import { MAX_CPUS, MAX_NODES, Topology } from '@kmemlab/machine';
import { suggestion } from '@kmemlab/results';
import { Document } from 'yaml';
import { InputError, type PatchFile, type RunRequest, type Scenario } from '../api.js';
import { experiments } from '../experiments.js';
import type { Experiment } from '../lab/types.js';
import { type ParamValues, resolveParams } from '../params.js';
import { checkNohzFull, isolatedCpus } from './cpu-list.js';
import { configTokens, cpuListText, parseConfig } from './kernel-config.js';
import { DEFAULT_KERNEL, type KernelChoice, parseKernel } from './kernel-spec.js';
import { parseScenarioFile, type ScenarioFile } from './scenario-file.js';
import { buildKernel, loadUserPatch, type UserPatch } from './user-patch.js';

/** The machine that runs a scenario if none is named and nothing asked for belongs to one of them. */
export const DEFAULT_ENGINE: Scenario['engine'] = 'live';

const DEFAULT_NODES = 2;
const DEFAULT_CPUS_PER_NODE = 4;
/** In a search. */
const SEARCHED_CPUS_PER_NODE = 2;
/** Machine time per host time. */
const LEAST_TIME_SCALE = 0.001;
const MOST_TIME_SCALE = 1000;

export function findExperiment(name: string): Experiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (found !== undefined) return found;
  const names = experiments.map((experiment) => experiment.name);
  throw new InputError(`unknown experiment ${JSON.stringify(name)}; ${suggestion(name, names)}`);
}

/** Parameters as the command line gives them. */
export const asTexts = (params: Readonly<Record<string, string | number>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));

function topologyOf(request: RunRequest, file: ScenarioFile | undefined): Topology {
  const nodes = request.nodes ?? file?.nodes ?? DEFAULT_NODES;
  const usual = request.forSearch === true ? SEARCHED_CPUS_PER_NODE : DEFAULT_CPUS_PER_NODE;
  const cpusPerNode = request.cpusPerNode ?? file?.cpusPerNode ?? usual;
  if (nodes > MAX_NODES) throw new InputError(`nodes: ${nodes} is too many; give 1 to ${MAX_NODES}`);
  if (nodes * cpusPerNode > MAX_CPUS) {
    const fit = Math.floor(MAX_CPUS / nodes);
    throw new InputError(
      `${nodes} nodes of ${cpusPerNode} CPUs are more than ${MAX_CPUS} CPUs; give at most ${fit} CPUs per node`,
    );
  }
  return new Topology(nodes, cpusPerNode);
}

/** The machine that a scenario file means: the one it names, else the one whose settings it has. */
function machineOfFile(file: ScenarioFile | undefined): Scenario['engine'] | undefined {
  if (file?.engine !== undefined) return file.engine;
  if (file?.strategy !== undefined) return 'sim';
  return file?.timeScale === undefined ? undefined : 'live';
}

/** The machine for what was asked, if neither the request nor its file means one. */
function impliedMachine({ strategy, checkDeterminism }: RunRequest): Scenario['engine'] {
  return strategy !== undefined || checkDeterminism === true ? 'sim' : DEFAULT_ENGINE;
}

/**
 * Which machine runs it, and what is particular to that machine. A file's settings for one machine do not count if the
 * request names the other.
 */
function machineOf(
  request: RunRequest,
  file: ScenarioFile | undefined,
): Pick<Scenario, 'engine' | 'strategy' | 'timeScale'> {
  const meant = machineOfFile(file);
  const engine = request.engine ?? (request.forSearch === true ? 'sim' : meant) ?? impliedMachine(request);
  const settings = meant === engine ? file : undefined;
  const strategy = request.strategy ?? settings?.strategy;
  const timeScale = request.timeScale ?? settings?.timeScale;
  if (engine === 'live' && strategy !== undefined) {
    throw new InputError(
      `strategy ${strategy}: the live machine schedules itself; leave the strategy out or use --engine sim`,
    );
  }
  if (engine === 'sim' && timeScale !== undefined) {
    throw new InputError(
      `timeScale ${timeScale}: the deterministic machine has its own time; leave it out or use --engine live`,
    );
  }
  if (timeScale !== undefined && !(timeScale >= LEAST_TIME_SCALE && timeScale <= MOST_TIME_SCALE)) {
    throw new InputError(`timeScale: ${timeScale} is not possible; give ${LEAST_TIME_SCALE} to ${MOST_TIME_SCALE}`);
  }
  return { engine, strategy: strategy ?? 'time', timeScale: timeScale ?? 1 };
}

function isolcpusOf(request: RunRequest, file: ScenarioFile | undefined, topology: Topology): readonly number[] {
  if (request.isolcpus !== undefined) return isolatedCpus('--isolcpus', request.isolcpus, topology);
  if (file?.isolcpus === undefined) return [];
  return isolatedCpus(`${request.experiment}: isolcpus`, String(file.isolcpus), topology);
}

/** @throws InputError if nothing would listen to slub_memcg_sysfs */
function checkSlubMemcgSysfs({ version, patches }: KernelChoice, { slubMemcgSysfs, allocator }: KernelConfig): void {
  if (slubMemcgSysfs !== true) return;
  if (allocator !== 'slub') throw new InputError('config: slub_memcg_sysfs is an option of SLUB; give slub, too');
  if (version.hasSlubMemcgSysfs || patches.some(({ name }) => name === 'optional-memcg-sysfs')) return;
  throw new InputError(
    `config: ${version.name} has no slub_memcg_sysfs, which is in 4.12 to 5.8; leave slub_memcg_sysfs out`,
  );
}

/**
 * The configuration that was asked for; what it says of objects counts more than what the experiment would have.
 * @throws InputError if the version cannot be configured like that
 */
function configOf(choice: KernelChoice, text: string, objects: KernelConfig['objects'] | undefined): KernelConfig {
  const config = parseConfig(text);
  const { version } = choice;
  if (config.cgroup === 'v2' && version.withoutCgroup2) {
    throw new InputError(`config: ${version.name} has no cgroup v2, which came with 4.5; leave cgroup2 out`);
  }
  checkSlubMemcgSysfs(choice, config);
  return objects === undefined || /(^|,)\s*objects=/.test(text) ? config : { ...config, objects };
}

/**
 * The kernel, and the parameters with it, where one of them stands for the kernel.
 * @throws InputError if the two were given and disagree
 */
function kernelAndParams(
  { picksKernel, kernel: usual = DEFAULT_KERNEL }: Experiment,
  named: string | undefined,
  params: ParamValues,
  given: Readonly<Record<string, string>>,
  where: (name: string) => string,
  parse: (kernel: string) => KernelChoice,
): { choice: KernelChoice; params: ParamValues } {
  if (picksKernel === undefined) return { choice: parse(named ?? usual), params };
  const { param, kernelOf, valueIn } = picksKernel;
  if (named === undefined) return { choice: parse(kernelOf(Number(params[param]))), params };
  const choice = parse(named);
  const value = valueIn(choice.patches);
  if (Object.hasOwn(given, param) && Number(given[param]) !== value) {
    throw new InputError(`${where(param)}: the kernel ${named} means ${value}; leave one of the two out`);
  }
  return { choice, params: { ...params, [param]: value } };
}

/** @throws InputError also if two have one name */
async function loadUserPatches(files: readonly PatchFile[]): Promise<UserPatch[]> {
  const users = await Promise.all(files.map(loadUserPatch));
  for (const [index, { patch, file }] of users.entries()) {
    const first = users.findIndex((other) => other.patch.name === patch.name);
    if (first === index) continue;
    const other = users[first]?.file.path;
    throw new InputError(`--patch ${file.path}: patch ${patch.name} is in --patch ${other} already; give it once`);
  }
  return users;
}

const patchNames = (kernel: string): string[] =>
  kernel
    .split('+')
    .slice(1)
    .map((spelling) => spelling.split(':')[0] ?? '');

/** Names of those of the user's patches that none of the kernels names, which go into each: see `RunRequest.patchFiles`. */
function unnamedIn(kernels: readonly string[], users: readonly UserPatch[]): string[] {
  const named = kernels.flatMap(patchNames);
  return users.map(({ patch }) => patch.name).filter((name) => !named.includes(name));
}

function checkLive({ params: specs }: Experiment, params: ParamValues, where: (name: string) => string): void {
  for (const [name, spec] of Object.entries(specs)) {
    if (spec.kind === 'integer' && spec.maxLive !== undefined && Number(params[name]) > spec.maxLive) {
      throw new InputError(
        `${where(name)}: ${params[name]} is too much for the live machine; give at most ${spec.maxLive}, or --engine sim`,
      );
    }
  }
}

/**
 * Check everything the user gave, from the command line and the scenario file; the command line wins. Nothing is written
 * and nothing runs, except that patch files are loaded and applied once.
 * @throws InputError one line: what, where, how to mend
 */
export async function resolveScenario(request: RunRequest): Promise<Scenario> {
  const file =
    request.scenarioText === undefined ? undefined : parseScenarioFile(request.experiment, request.scenarioText);
  const experiment = findExperiment(file?.experiment ?? request.experiment);
  const topology = topologyOf(request, file);
  const fileConfig = Array.isArray(file?.config) ? file.config.join(',') : file?.config;
  const isolcpus = isolcpusOf(request, file, topology);
  const machine = machineOf(request, file);
  const small = request.forSearch === true ? experiment.schedule : undefined;
  const given = { ...asTexts(small), ...asTexts(file?.params), ...request.params };
  const where = (name: string): string =>
    request.params !== undefined && Object.hasOwn(request.params, name)
      ? `--param ${name}`
      : `${request.experiment}: params.${name}`;
  const resolved = resolveParams(experiment.name, experiment.params, given, where, topology);
  const all = await loadUserPatches(request.patchFiles ?? []);
  const own = all.map(({ patch }) => patch);
  const parse = (name: string): KernelChoice =>
    parseKernel(name, own, unnamedIn([name, ...(request.comparedWith ?? [])], all));
  const { choice, params } = kernelAndParams(experiment, request.kernel ?? file?.kernel, resolved, given, where, parse);
  const config = configOf(choice, request.config ?? fileConfig ?? 'slab', experiment.objects?.(params));
  if (experiment.allocator !== undefined && config.allocator !== experiment.allocator) {
    throw new InputError(`${experiment.name}: SLUB has no tunables to write; give --config ${experiment.allocator}`);
  }
  if (config.cgroup === 'v2' && experiment.needsCgroupV1?.(params)) {
    throw new InputError(`${experiment.name}: it uses files of cgroup v1; leave cgroup2 out of --config`);
  }
  const contradiction = experiment.contradiction?.(params, topology, config);
  if (contradiction !== undefined) throw new InputError(`${experiment.name}: ${contradiction}`);
  if (machine.engine === 'live') checkLive(experiment, params, where);
  checkNohzFull(config.nohzFull, topology);
  const users = all.filter(({ patch }) => choice.patches.some(({ name }) => name === patch.name));
  const { build } = buildKernel(choice, users, config);
  return {
    experiment: experiment.name,
    kernel: build.name,
    config: configTokens(config),
    ...machine,
    nodes: topology.nodes,
    cpusPerNode: topology.cpusPerNode,
    isolcpus,
    seed: request.seed ?? file?.seed ?? 1,
    params,
    costs: file?.costs ?? {},
    patchFiles: users.map(({ file: patchFile }) => patchFile),
  };
}

/** The scenario as a file that runs it again; a comment says which files of user's patches are to be given with --patch. */
export function scenarioToYaml(scenario: Scenario): string {
  const { patchFiles, kernel, costs, params, strategy, timeScale, isolcpus, ...rest } = scenario;
  const own = scenario.engine === 'live' ? { timeScale } : { strategy };
  const document = new Document({
    ...rest,
    ...own,
    ...(isolcpus.length > 0 && { isolcpus: cpuListText(isolcpus) }),
    kernel,
    params,
    ...(Object.keys(costs).length > 0 && { costs }),
  });
  const comments = patchFiles.map(({ path }) => ` run with --patch ${path}`);
  if (comments.length > 0) document.commentBefore = comments.join('\n');
  return document.toString();
}
