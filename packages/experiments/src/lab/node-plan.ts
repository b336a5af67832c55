import type { Stretch } from '@kmemlab/kernel';
import { z } from 'zod';
import { InputError, type Scenario } from '../api.js';
import { findExperiment } from '../scenario/resolve.js';
import type { CpuPlan } from './cpu-kernel.js';

/** What a node process and its workers are told about a run: they build the same kernel and run the same experiment. */
export interface NodePlan {
  readonly scenario: Scenario;
}

const scenarioSchema = z.object({
  experiment: z.string(),
  kernel: z.string(),
  config: z.array(z.string()),
  engine: z.enum(['sim', 'live']),
  nodes: z.int().min(1),
  cpusPerNode: z.int().min(1),
  isolcpus: z.array(z.int().min(0)),
  strategy: z.enum(['time', 'random']),
  timeScale: z.number().positive(),
  seed: z.int().min(0),
  params: z.record(z.string(), z.union([z.number(), z.string()])),
  costs: z.record(z.string(), z.number()),
  patchFiles: z.array(z.object({ path: z.string(), text: z.string() })),
});

const planSchema = z.object({ scenario: scenarioSchema });

/**
 * The plan as it came over the wire.
 * @throws InputError if it is none
 */
export function nodePlanOf(value: unknown): NodePlan {
  const parsed = planSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path = [], message = '' } = parsed.error.issues[0] ?? {};
  throw new InputError(`the plan of the run is malformed at ${path.join('.')}: ${message}`);
}

/** The windows that a scenario stretches on purpose; every CPU gets them. */
export const stretchesOf = ({ experiment, params }: Scenario): Stretch[] =>
  findExperiment(experiment).stretches?.(params) ?? [];

/** What the thread of a CPU is told of a plan: see cpu-kernel.ts. */
export const cpuPlanOf = ({ scenario }: NodePlan): CpuPlan => ({
  kernel: {
    kernel: scenario.kernel,
    config: scenario.config,
    isolcpus: scenario.isolcpus,
    patchFiles: scenario.patchFiles,
  },
  stretches: stretchesOf(scenario),
});
