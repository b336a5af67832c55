import type { KernelBuild } from '@kmemlab/kernel';
import type { Scenario } from '../api.js';
import { parseConfig } from './kernel-config.js';
import { parseKernel } from './kernel-spec.js';
import type { PatchUse } from './patch-use.js';
import { buildKernel, loadUserPatch, type UserPatch } from './user-patch.js';

/** The part of a scenario that says which kernel runs. */
export type KernelOfScenario = Pick<Scenario, 'kernel' | 'config' | 'isolcpus' | 'patchFiles'>;

/** A kernel, and the user's patches in it. */
export interface BuiltKernel {
  readonly build: KernelBuild;
  readonly users: readonly UserPatch[];
  /** What these have changed, and whether it came into play. */
  readonly uses: readonly PatchUse[];
}

/**
 * Build the kernel of a scenario. Every process and thread of a run builds the same one from the same scenario.
 * @throws InputError if a patch file does not load or apply
 */
export async function kernelOf(scenario: KernelOfScenario): Promise<BuiltKernel> {
  const users = await Promise.all(scenario.patchFiles.map(loadUserPatch));
  const own = users.map(({ patch }) => patch);
  const config = { ...parseConfig(scenario.config.join(',')), isolcpus: scenario.isolcpus };
  const { build, uses } = buildKernel(parseKernel(scenario.kernel, own), users, config);
  return { build, users, uses };
}
