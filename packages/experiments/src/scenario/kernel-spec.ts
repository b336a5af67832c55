import { type KernelVersion, type Patch, type PatchOptionValues, patches, versions } from '@kmemlab/kernel';
import { nearest, suggestion } from '@kmemlab/results';
import { InputError } from '../api.js';
import { resolveParams } from '../params.js';

/** A kernel as the user names it: a version and patches, the user's own among them, in the order in which they are applied. */
export interface KernelChoice {
  readonly version: KernelVersion;
  readonly patches: readonly Patch[];
}

/** The kernel that runs if none is named. */
export const DEFAULT_KERNEL = 'v4.10';

/**
 * Parse `v4.10+patch:opt=1+patch2`.
 * @param own patches of the user's, which are applied after all others, in this order
 * @param unnamed names of those of them that are in the kernel although the text does not name them
 * @throws InputError for an unknown version, patch or option, or a patch that does not apply to the version
 */
export function parseKernel(spec: string, own: readonly Patch[] = [], unnamed: readonly string[] = []): KernelChoice {
  const [versionName = '', ...patchSpecs] = spec.split('+');
  const version = versions.find(({ name }) => name === versionName);
  if (version === undefined) {
    const names = versions.map(({ name }) => name);
    throw new InputError(
      `kernel ${JSON.stringify(spec)}: unknown version ${JSON.stringify(versionName)}; ${suggestion(versionName, names)}`,
    );
  }
  const chosen = [...patchSpecs, ...unnamed].map((patchSpec) =>
    findPatch(spec, patchSpec, version, [...own, ...patches]),
  );
  const twice = chosen.find(({ name }, index) => chosen.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined)
    throw new InputError(`kernel ${JSON.stringify(spec)}: patch ${twice.name} is named twice; name it once`);
  checkAlternatives(spec, chosen);
  const ownNames = own.map(({ name }) => name);
  return { version, patches: chosen.sort((a, b) => ownNames.indexOf(a.name) - ownNames.indexOf(b.name)) };
}

/** @throws InputError if two patches decide the same */
function checkAlternatives(spec: string, chosen: readonly Patch[]): void {
  for (const [index, { name, decides }] of chosen.entries()) {
    const other = chosen.slice(0, index).find((before) => decides !== undefined && before.decides === decides);
    if (other === undefined) continue;
    throw new InputError(
      `kernel ${JSON.stringify(spec)}: ${other.name} and ${name} both decide ${decides}; name one of them`,
    );
  }
}

function findPatch(spec: string, patchSpec: string, version: KernelVersion, known: readonly Patch[]): Patch {
  const [name = '', ...texts] = patchSpec.split(':');
  const patch = known.find((candidate) => candidate.name === name);
  if (patch === undefined) {
    const names = known.map((candidate) => candidate.name);
    const near = nearest(name, names);
    throw new InputError(
      `kernel ${JSON.stringify(spec)}: unknown patch ${JSON.stringify(name)}; ` +
        (near === undefined
          ? 'see kmemlab list patches, or give the file of your own with --patch'
          : `did you mean ${near}?`),
    );
  }
  if (patch.appliesTo !== undefined && !patch.appliesTo.includes(version.name)) {
    throw new InputError(
      `kernel ${JSON.stringify(spec)}: patch ${name} applies to ${patch.appliesTo.join(', ')}, not to ${version.name}; choose one of these`,
    );
  }
  const values = optionsOf(spec, patch, texts);
  const contradiction = patch.contradiction?.(values);
  if (contradiction !== undefined) throw new InputError(`kernel ${JSON.stringify(spec)}: ${contradiction}`);
  const chosen = chosenOf(patch, values);
  return Object.keys(chosen).length === 0 ? patch : { ...patch, chosen };
}

/** Options that are not at their defaults: the others are not named, so that a kernel has one name. */
const chosenOf = ({ options = {} }: Patch, values: PatchOptionValues): PatchOptionValues =>
  Object.fromEntries(Object.entries(values).filter(([option, value]) => value !== options[option]?.default));

/** All options, from those that are given as `name=value`. */
function optionsOf(spec: string, { name, options = {} }: Patch, texts: readonly string[]): PatchOptionValues {
  const where = (option: string): string => `kernel ${JSON.stringify(spec)}: option ${option}`;
  const given: Record<string, string> = Object.create(null);
  for (const text of texts) {
    const [option = '', ...value] = text.split('=');
    if (value.length === 0) throw new InputError(`${where(option)} of ${name} has no value; give ${option}=VALUE`);
    if (Object.hasOwn(given, option)) throw new InputError(`${where(option)} of ${name} is given twice; give it once`);
    given[option] = value.join('=');
  }
  return resolveParams(`patch ${name}`, options, given, where);
}
