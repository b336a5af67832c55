import type { Stretch } from '@kmemlab/kernel';
import type { WorkerKernel } from '@kmemlab/machine-live/cpu';
import { type KernelOfScenario, kernelOf } from '../scenario/kernel-of.js';

/** What the thread of a CPU needs to know of a run. Plain data, checked by its node before. */
export interface CpuPlan {
  readonly kernel: KernelOfScenario;
  readonly stretches: readonly Stretch[];
}

/**
 * The kernel that a CPU runs. There are many CPUs, each loads this module anew: it imports as little as it can.
 * @throws InputError if a patch file does not load
 */
export async function kernelOfCpu(plan: unknown): Promise<WorkerKernel> {
  const { kernel, stretches } = plan as CpuPlan;
  const { build } = await kernelOf(kernel);
  return { build, stretches };
}
