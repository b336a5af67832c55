import { createHash } from 'node:crypto';
import { KernelBuild, type KernelConfig, type Patch, patchApi, patches, UnknownName } from '@kmemlab/kernel';
import { lineOfModule, moduleAddress } from '@kmemlab/machine';
import { suggestion } from '@kmemlab/results';
import { InputError, type PatchFile } from '../api.js';
import { checkPolicies, policiesByPath } from './check-policies.js';
import type { KernelChoice } from './kernel-spec.js';
import { momentOf, PatchUse } from './patch-use.js';
import { checkDeclared } from './user-options.js';

/** A user's patch, evaluated from its text. It is the user's own code and runs with the user's rights. */
export interface UserPatch {
  readonly patch: Patch;
  readonly file: PatchFile;
  /** sha256 of the text, hexadecimal. */
  readonly hash: string;
}

/** What a patch threw, which may be anything. */
function oneLine(error: unknown): string {
  try {
    return (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).split('\n')[0] ?? '';
  } catch {
    return 'something that is no error';
  }
}

/**
 * Evaluate a patch file: an ES module whose default export is `{ name, summary, apply(kernel, api) }`.
 * @throws InputError if it does not load, or does not export a patch
 */
export async function loadUserPatch(file: PatchFile): Promise<UserPatch> {
  const hash = createHash('sha256').update(file.text).digest('hex');
  const url = moduleAddress(file.path, Buffer.from(file.text).toString('base64'));
  let patch: Partial<Patch>;
  try {
    // A copy: getters run once, and here.
    const exported = ((await import(url)) as { default?: Partial<Patch> }).default;
    const { chosen: _, ...own } = { ...exported };
    patch = own;
  } catch (error) {
    const why = oneLine(error).replaceAll(url, 'it');
    const mend = /\bimport|module specifier/.test(why)
      ? 'a patch is one file, which gets what it needs as `api`'
      : 'mend the file';
    throw new InputError(`--patch ${file.path}: it does not load (${why}); ${mend}`);
  }
  const { name, apply } = patch;
  if (typeof name !== 'string' || typeof apply !== 'function') {
    throw new InputError(
      `--patch ${file.path}: the default export is no patch; export { name: 'my-patch', summary: '…', apply(kernel, api) { … } }`,
    );
  }
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) {
    throw new InputError(`--patch ${file.path}: ${JSON.stringify(name)} is no name for a patch; use a-z, 0-9 and -`);
  }
  if (patches.some((known) => known.name === name)) {
    throw new InputError(`--patch ${file.path}: ${name} is the name of a built-in patch; choose another name`);
  }
  checkDeclared(`--patch ${file.path}`, patch);
  const summary = typeof patch.summary === 'string' ? patch.summary : `user patch from ${file.path}`;
  return { file, hash, patch: { ...(patch as Patch), name, summary } };
}

/**
 * Put a kernel together, as every run does.
 * @param users those of its patches that are the user's
 * @throws InputError naming the patch file if applying it throws, or does what has no effect
 */
export function buildKernel(
  choice: KernelChoice,
  users: readonly UserPatch[],
  config: KernelConfig,
): { build: KernelBuild; uses: readonly PatchUse[] } {
  const uses: PatchUse[] = [];
  const guarded = choice.patches.map((patch): Patch => {
    const file = users.find((user) => user.patch.name === patch.name)?.file;
    if (file === undefined) return patch;
    const where = `--patch ${file.path}`;
    const apply: Patch['apply'] = (kernel, _, options) => {
      const before = momentOf(kernel);
      let returned: unknown;
      try {
        returned = patch.apply(kernel, patchApi, options);
      } catch (error) {
        if (error instanceof UnknownName) {
          throw new InputError(`${where}: ${error.message}; ${suggestion(error.wanted, error.known)}`);
        }
        const at = lineOfModule(error) ?? 'the file';
        throw new InputError(`${where}: apply() threw ${oneLine(error)}; mend ${at}`);
      }
      if (returned instanceof Promise) {
        returned.catch(() => {});
        throw new InputError(`${where}: apply() is asynchronous; make it an ordinary function`);
      }
      checkPolicies(where, before.policies, policiesByPath(kernel.policies));
      uses.push(new PatchUse(patch.name, kernel, before));
    };
    return { ...patch, apply };
  });
  return { build: new KernelBuild(choice.version, guarded, config), uses };
}
