import { MAX_NODES, Topology } from '@kmemlab/machine';
import { suggestion } from '@kmemlab/results';
import { Document } from 'yaml';
import { InputError, type RunRequest, type Scenario } from '../api.js';
import { experiments } from '../experiments.js';
import type { Experiment } from '../lab/types.js';
import { resolveParams } from '../params.js';
import { configTokens, DEFAULT_KERNEL, parseConfig, parseKernel } from './kernel-spec.js';
import { parseScenarioFile, type ScenarioFile } from './scenario-file.js';
import { buildKernel, loadUserPatch } from './user-patch.js';

const DEFAULT_NODES = 2;
const DEFAULT_CPUS_PER_NODE = 4;
/** Largest machine: a waiter's CPU number has 12 bits. */
const MOST_CPUS = 4096;

export function findExperiment(name: string): Experiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (found !== undefined) return found;
  const names = experiments.map((experiment) => experiment.name);
  throw new InputError(`unknown experiment ${JSON.stringify(name)}; ${suggestion(name, names)}`);
}

const asTexts = (params: Readonly<Record<string, string | number>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));

function topologyOf(request: RunRequest, file: ScenarioFile | undefined): Topology {
  const nodes = request.nodes ?? file?.nodes ?? DEFAULT_NODES;
  const cpusPerNode = request.cpusPerNode ?? file?.cpusPerNode ?? DEFAULT_CPUS_PER_NODE;
  if (nodes > MAX_NODES) throw new InputError(`nodes: ${nodes} is too many; give 1 to ${MAX_NODES}`);
  if (nodes * cpusPerNode > MOST_CPUS) {
    const fit = Math.floor(MOST_CPUS / nodes);
    throw new InputError(
      `${nodes} nodes of ${cpusPerNode} CPUs are more than ${MOST_CPUS} CPUs; give at most ${fit} CPUs per node`,
    );
  }
  return new Topology(nodes, cpusPerNode);
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
  const choice = parseKernel(request.kernel ?? file?.kernel ?? DEFAULT_KERNEL);
  const fileConfig = Array.isArray(file?.config) ? file.config.join(',') : file?.config;
  const config = parseConfig(request.config ?? fileConfig ?? 'slab');
  const engine = request.engine ?? file?.engine ?? 'sim';
  if (engine === 'live')
    throw new InputError('--engine live: this release has the deterministic machine only; use --engine sim');
  const given = { ...asTexts(file?.params), ...request.params };
  const where = (name: string): string =>
    request.params !== undefined && Object.hasOwn(request.params, name)
      ? `--param ${name}`
      : `${request.experiment}: params.${name}`;
  const params = resolveParams(experiment.name, experiment.params, given, where, topology);
  const patchFiles = request.patchFiles ?? [];
  const users = await Promise.all(patchFiles.map(loadUserPatch));
  const kernel = buildKernel(choice, users, config);
  return {
    experiment: experiment.name,
    kernel: kernel.name,
    config: configTokens(config),
    engine,
    nodes: topology.nodes,
    cpusPerNode: topology.cpusPerNode,
    strategy: request.strategy ?? file?.strategy ?? 'time',
    seed: request.seed ?? file?.seed ?? 1,
    params,
    costs: file?.costs ?? {},
    patchFiles,
  };
}

/** The scenario as a file that runs it again; user patches are named in a comment, they are given with --patch. */
export function scenarioToYaml(scenario: Scenario): string {
  const { patchFiles, kernel, costs, params, ...rest } = scenario;
  const users = patchFiles.length;
  const builtIn = users === 0 ? kernel : kernel.split('+').slice(0, -users).join('+');
  const document = new Document({ ...rest, kernel: builtIn, params, ...(Object.keys(costs).length > 0 && { costs }) });
  const comments = patchFiles.map(({ path }) => ` run with --patch ${path}`);
  if (comments.length > 0) document.commentBefore = comments.join('\n');
  return document.toString();
}
