import { open } from 'node:fs/promises';
import type { PatchFile, RunRequest } from '@kmemlab/experiments';
import { oneLine } from '@kmemlab/results';
import type { MachineFlags } from './flags.js';
import { UsageError } from './usage-error.js';

/** Scenario and patch files larger than this are refused, in bytes. */
const MOST_BYTES = 1024 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file, give the path of one',
  EACCES: 'no permission to read it',
  EISDIR: 'it is a directory, give a file',
};

/** Reads a text file of at most `most` bytes named on the command line. Throws {@link UsageError}. */
export async function readInput(what: string, path: string, most = MOST_BYTES): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(most + 1);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      if (length > most) throw new UsageError(`${what} ${path}: larger than ${most} bytes, shorten it`);
      return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof TypeError) throw new UsageError(`${what} ${path}: not UTF-8 text, give a text file`);
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new UsageError(`${what} ${path}: ${REASONS[code] ?? oneLine(error)}`);
  }
}

function paramsOf(pairs: readonly (readonly [string, string])[]): Readonly<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const [key, value] of pairs) {
    if (Object.hasOwn(params, key)) throw new UsageError(`--param ${key}: given twice, give it once`);
    params[key] = value;
  }
  return params;
}

function isScenarioFile(experiment: string): boolean {
  return /\.ya?ml$/.test(experiment);
}

/** The patch files named on the command line, read. Throws {@link UsageError}. */
export async function patchFilesFrom(paths: readonly string[] = []): Promise<PatchFile[]> {
  const patchFiles: PatchFile[] = [];
  for (const path of paths) patchFiles.push({ path, text: await readInput('--patch', path) });
  return patchFiles;
}

/** The request that the command line makes, with the files it names read. Throws {@link UsageError}. */
export async function requestFrom(
  experiment: string,
  flags: Partial<MachineFlags>,
  kernel?: string,
): Promise<RunRequest> {
  const patchFiles = await patchFilesFrom(flags.patch);
  const scenarioText = isScenarioFile(experiment) ? await readInput('scenario', experiment) : undefined;
  return {
    experiment,
    ...(kernel !== undefined && { kernel }),
    ...(patchFiles.length > 0 && { patchFiles }),
    ...(flags.config !== undefined && { config: flags.config }),
    ...(flags.engine !== undefined && { engine: flags.engine }),
    ...(flags.nodes !== undefined && { nodes: flags.nodes }),
    ...(flags.cpusPerNode !== undefined && { cpusPerNode: flags.cpusPerNode }),
    ...(flags.isolcpus !== undefined && { isolcpus: flags.isolcpus }),
    ...(flags.strategy !== undefined && { strategy: flags.strategy }),
    ...(flags.checkDeterminism === true && { checkDeterminism: true }),
    ...(flags.seed !== undefined && { seed: flags.seed }),
    ...(flags.param && flags.param.length > 0 && { params: paramsOf(flags.param) }),
    ...(scenarioText !== undefined && { scenarioText }),
  };
}
