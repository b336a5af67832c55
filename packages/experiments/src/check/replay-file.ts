import { verdictClasses } from '@kmemlab/machine';
import { z } from 'zod';
import { InputError, type PatchFile, type Scenario } from '../api.js';
import { cpuListText } from '../scenario/kernel-config.js';
import { asTexts, resolveScenario } from '../scenario/resolve.js';
import { checkCosts } from '../scenario/scenario-file.js';
import { loadUserPatch } from '../scenario/user-patch.js';
import type { Shrunk } from './shrink.js';
import { Subject } from './subject.js';

export const REPLAY_SCHEMA = 'kmemlab.replay/1';

const nonNegative = z.int().min(0);

const replaySchema = z.strictObject({
  schema: z.literal(REPLAY_SCHEMA),
  /** Digest of the events of the boot: tells the kernel model with which the file was made. */
  boot: z.string(),
  scenario: z.strictObject({
    experiment: z.string(),
    kernel: z.string(),
    config: z.array(z.string()),
    nodes: z.int().min(1),
    cpusPerNode: z.int().min(1),
    isolcpus: z.array(nonNegative).optional(),
    seed: nonNegative,
    params: z.record(z.string(), z.union([z.number(), z.string()])),
    costs: z.record(z.string(), z.number()),
  }),
  /** The user's patches in the kernel, in order. */
  patches: z.array(z.strictObject({ path: z.string(), sha256: z.string() })),
  stalls: z.array(z.strictObject({ step: nonNegative, ns: z.int().min(1) })).max(100_000),
  verdict: z.strictObject({ class: z.enum(verdictClasses), id: z.string(), detail: z.string() }),
  /** Digest of all events up to the verdict. */
  digest: z.string(),
});

/** A schedule that ends with a verdict, as plain data: small enough to be mailed. */
export type ReplayFile = z.infer<typeof replaySchema>;

/** @throws Error if the schedule has no verdict */
export async function replayFileOf({ scenario, stalls, trial, subject }: Shrunk): Promise<ReplayFile> {
  const { verdict, digest } = trial;
  if (verdict === undefined) throw new Error('a replay file needs a verdict');
  const { experiment, kernel, config, nodes, cpusPerNode, isolcpus, seed, params, costs, patchFiles } = scenario;
  const hashes = await Promise.all(patchFiles.map(loadUserPatch));
  return {
    schema: REPLAY_SCHEMA,
    boot: subject.bootDigest,
    scenario: {
      ...{ experiment, kernel, config: [...config], nodes, cpusPerNode, seed, params, costs },
      ...(isolcpus.length > 0 && { isolcpus: [...isolcpus] }),
    },
    patches: patchFiles.map(({ path }, index) => ({ path, sha256: hashes[index]?.hash ?? '' })),
    stalls: stalls.map(({ step, ns }) => ({ step, ns })),
    verdict: { class: verdict.class, id: verdict.id, detail: verdict.detail },
    digest,
  };
}

/** @throws InputError one line: what is wrong with the file */
export function parseReplayFile(path: string, text: string): ReplayFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError(`${path}: not JSON; give a file that "kmemlab check" has saved`);
  }
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (typeof schema === 'string' && schema !== REPLAY_SCHEMA && schema.startsWith('kmemlab.replay/')) {
    throw new InputError(`${path}: it is in the format ${schema}, this version reads ${REPLAY_SCHEMA}; search again`);
  }
  const parsed = replaySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') || 'the document';
  throw new InputError(`${path}: ${where}: ${issue?.message}; give a file that "kmemlab check" has saved`);
}

/** What a replay file runs. @param patchFiles the user's patches that it names */
export function scenarioOf({ scenario }: ReplayFile, patchFiles: readonly PatchFile[] = []): Scenario {
  const { isolcpus = [], ...rest } = scenario;
  return { ...rest, isolcpus, engine: 'sim', strategy: 'time', timeScale: 1, patchFiles };
}

/**
 * The machine on which a replay file plays.
 * @param patchFiles the user's patches that it names
 * @throws InputError if the file was made with another kernel model or other patches
 */
export async function subjectOf(
  path: string,
  file: ReplayFile,
  patchFiles: readonly PatchFile[],
): Promise<{ readonly subject: Subject; readonly scenario: Scenario }> {
  await checkPatches(path, file, patchFiles);
  await checkScenario(path, file, patchFiles);
  const scenario = scenarioOf(file, patchFiles);
  const subject = await Subject.of(scenario);
  if (subject.bootDigest === file.boot) return { subject, scenario };
  throw new InputError(
    `${path}: made with another version of the kernel model (boot ${file.boot}, here ${subject.bootDigest}); ` +
      `search again with "kmemlab check ${scenario.experiment} --kernel ${scenario.kernel}"`,
  );
}

/** What a run could not do, a replay cannot. */
async function checkScenario(path: string, { scenario }: ReplayFile, patchFiles: readonly PatchFile[]): Promise<void> {
  const { experiment, kernel, config, nodes, cpusPerNode, isolcpus = [], seed, params, costs } = scenario;
  checkCosts(path, costs);
  try {
    await resolveScenario({
      ...{ experiment, kernel, nodes, cpusPerNode, seed, patchFiles, engine: 'sim', config: config.join(',') },
      params: asTexts(params),
      ...(isolcpus.length > 0 && { isolcpus: cpuListText(isolcpus) }),
    });
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${path}: ${error.message}`) : error;
  }
}

async function checkPatches(path: string, { patches }: ReplayFile, given: readonly PatchFile[]): Promise<void> {
  const hashes = await Promise.all(given.map(loadUserPatch));
  for (const [index, { path: wanted, sha256 }] of patches.entries()) {
    const hash = hashes[index]?.hash;
    if (hash === undefined) throw new InputError(`${path}: it needs a patch of yours; add --patch ${wanted}`);
    if (hash !== sha256) {
      throw new InputError(
        `--patch ${given[index]?.path}: not the text with which ${path} was made (sha256 ${sha256}); give that one`,
      );
    }
  }
  const extra = given[patches.length];
  if (extra !== undefined) throw new InputError(`--patch ${extra.path}: ${path} has no such patch; leave it out`);
}
