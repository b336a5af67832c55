import { type KernelConfig, type KernelVersion, type Patch, patches, versions } from '@kmemlab/kernel';
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

const HZ = [100, 250, 300, 1000];

/** Tokens that the command line's contract names and this release cannot model. */
const NOT_YET = ['slub', 'preempt', 'preemptcount', 'nohz_full'];

/**
 * Parse configuration tokens such as `slab,nonpreempt,hz=250`; what is not named stays at its default.
 * @throws InputError for an unknown token
 */
export function parseConfig(text: string): KernelConfig {
  let hz = 250;
  for (const token of text.split(',').map((part) => part.trim())) {
    const [key = '', value] = token.split('=');
    if (token === 'slab' || token === 'nonpreempt') continue;
    if (key === 'hz' && HZ.includes(Number(value))) {
      hz = Number(value);
      continue;
    }
    if (key === 'hz') throw new InputError(`config: hz=${value ?? ''} is not possible; give hz=${HZ.join(', hz=')}`);
    if (NOT_YET.includes(key)) {
      throw new InputError(`config: ${token} is not modelled yet; leave it out (slab, nonpreempt and hz= are)`);
    }
    throw new InputError(
      `config: unknown token ${JSON.stringify(token)}; ${suggestion(key, ['slab', 'nonpreempt', 'hz', ...NOT_YET])}`,
    );
  }
  return { allocator: 'slab', preemption: 'nonpreempt', hz };
}

/** The tokens of a configuration, all of them. */
export const configTokens = (config: KernelConfig): string[] => [
  config.allocator,
  config.preemption,
  `hz=${config.hz}`,
];
