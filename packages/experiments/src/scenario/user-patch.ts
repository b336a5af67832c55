import { createHash } from 'node:crypto';
import { KernelBuild, type KernelConfig, type Patch, patchApi, patches } from '@kmemlab/kernel';
import { InputError, type PatchFile } from '../api.js';
import type { KernelChoice } from './kernel-spec.js';

/** A user's patch, evaluated from its text. It is the user's own code and runs with the user's rights. */
export interface UserPatch {
  readonly patch: Patch;
  /** sha256 of the text, hexadecimal. */
  readonly hash: string;
}

const oneLine = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).split('\n')[0] ?? '';

/**
 * Evaluate a patch file: an ES module whose default export is `{ name, summary, apply(kernel, api) }`.
 * @throws InputError if it does not load, or does not export a patch
 */
export async function loadUserPatch(file: PatchFile): Promise<UserPatch> {
  const hash = createHash('sha256').update(file.text).digest('hex');
  const url = `data:text/javascript;base64,${Buffer.from(file.text).toString('base64')}`;
  let module: { default?: Partial<Patch> };
  try {
    module = (await import(url)) as { default?: Partial<Patch> };
  } catch (error) {
    throw new InputError(`--patch ${file.path}: it does not load (${oneLine(error)}); mend the file`);
  }
  const patch = module.default;
  const { name, apply } = patch ?? {};
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9-]*$/.test(name) || typeof apply !== 'function') {
    throw new InputError(
      `--patch ${file.path}: the default export is no patch; export { name: 'my-patch', summary: '…', apply(kernel, api) { … } }`,
    );
  }
  if (patches.some((known) => known.name === name)) {
    throw new InputError(`--patch ${file.path}: ${name} is the name of a built-in patch; choose another name`);
  }
  const summary = typeof patch?.summary === 'string' ? patch.summary : `user patch from ${file.path}`;
  return { hash, patch: { ...(patch as Patch), name, summary } };
}

/**
 * Put a kernel together, as every run does.
 * @throws InputError naming the patch file if applying it throws
 */
export function buildKernel(choice: KernelChoice, users: readonly UserPatch[], config: KernelConfig): KernelBuild {
  const guarded = users.map(({ patch }): Patch => {
    const apply: Patch['apply'] = (kernel, _, options) => {
      try {
        patch.apply(kernel, patchApi, options);
      } catch (error) {
        throw new InputError(`--patch ${patch.name}: apply() threw ${oneLine(error)}; mend the file`);
      }
    };
    return { ...patch, apply };
  });
  return new KernelBuild(choice.version, [...choice.patches, ...guarded], config);
}
