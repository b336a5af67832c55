import { type KernelVersion, type Patch, patches, versions } from '@kmemlab/kernel';
import { suggestion } from '@kmemlab/results';
import { InputError } from '../api.js';

/** A kernel as the user names it: a version and patches in the order in which they are applied. */
export interface KernelChoice {
  readonly version: KernelVersion;
  readonly patches: readonly Patch[];
}

/** The kernel that runs if none is named. */
export const DEFAULT_KERNEL = 'v4.10';

/**
 * Parse `v4.10+patch:opt=1+patch2`.
 * @throws InputError for an unknown version, patch or option, or a patch that does not apply to the version
 */
export function parseKernel(spec: string): KernelChoice {
  const [versionName = '', ...patchSpecs] = spec.split('+');
  const version = versions.find(({ name }) => name === versionName);
  if (version === undefined) {
    const names = versions.map(({ name }) => name);
    throw new InputError(
      `kernel ${JSON.stringify(spec)}: unknown version ${JSON.stringify(versionName)}; ${suggestion(versionName, names)}`,
    );
  }
  const chosen = patchSpecs.map((patchSpec) => findPatch(spec, patchSpec, version));
  const twice = chosen.find((patch, index) => chosen.indexOf(patch) !== index);
  if (twice !== undefined)
    throw new InputError(`kernel ${JSON.stringify(spec)}: patch ${twice.name} is named twice; name it once`);
  return { version, patches: chosen };
}

function findPatch(spec: string, patchSpec: string, version: KernelVersion): Patch {
  const [name = '', ...options] = patchSpec.split(':');
  const patch = patches.find((candidate) => candidate.name === name);
  if (patch === undefined) {
    const names = patches.map((candidate) => candidate.name);
    throw new InputError(
      `kernel ${JSON.stringify(spec)}: unknown patch ${JSON.stringify(name)}; ${suggestion(name, names)}`,
    );
  }
  if (options.length > 0) {
    throw new InputError(
      `kernel ${JSON.stringify(spec)}: patch ${name} has no option ${JSON.stringify(options[0])}; leave it out`,
    );
  }
  if (patch.appliesTo !== undefined && !patch.appliesTo.includes(version.name)) {
    throw new InputError(
      `kernel ${JSON.stringify(spec)}: patch ${name} applies to ${patch.appliesTo.join(', ')}, not to ${version.name}; choose one of these`,
    );
  }
  return patch;
}
