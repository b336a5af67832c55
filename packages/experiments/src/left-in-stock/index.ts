import { DRAIN_LOCKED, type Stretch } from '@kmemlab/kernel';
import type { Experiment, Lab } from '../lab/types.js';
import type { ParamValues } from '../params.js';
import { pinned } from '../work-in.js';
import { removeProgram, type Scope, useAgainProgram, useProgram } from './programs.js';

const MS = 1e6;
const MANAGER = pinned(0);

/** A memcg for each CPU but CPU0, on which the works of removed memcgs run, and the one that drains. */
function scopeOf({ topology: { cpuCount } }: Lab, { pages, drainsOn }: ParamValues): Scope {
  const drainer = drainsOn === undefined ? undefined : Number(drainsOn);
  const others = Array.from({ length: cpuCount }, (_, cpu) => cpu).filter((cpu) => cpu !== drainer);
  return { users: others.length > 1 ? others.slice(1) : others, pages: Number(pages), drainer };
}

/** A task is late in each of its drains, as if somebody else had its CPU for a while. */
const lateDrain = (cpu: number): Stretch => ({
  ...{ label: DRAIN_LOCKED, cpu, cache: '' },
  ...{ maxNs: 2 * MS, tailNs: 0, holdNs: 0, times: 1 },
});

/** V3-d: who takes out of the CPUs' stocks what is left there of a removed memcg? */
export const leftInStock: Experiment = {
  name: 'left-in-stock',
  summary: 'memcgs are used on a CPU each and removed: does what the CPUs have in stock of them keep them?',
  params: {
    pages: {
      kind: 'integer',
      min: 0,
      max: 10_000,
      default: 1,
      summary: 'user pages that a task in each memcg touches and gives back; a stock is filled with 32 at a time',
    },
    drainsOn: {
      kind: 'optionalCpu',
      summary:
        'CPU on which a task of a memcg at its limit has stocks drained meanwhile, 2 ms each; nobody if not given',
    },
  },
  window: ['use', 'remove', 'use again'],
  stretches: ({ drainsOn }: ParamValues) => (drainsOn === undefined ? [] : [lateDrain(Number(drainsOn))]),
  async run(lab, params) {
    const scope = scopeOf(lab, params);
    const total = scope.users.length;
    const used = await lab.phase('use', (control) => useProgram(control, scope), MANAGER, { total });
    const removed = await lab.nextPhase('remove', (control) => removeProgram(control, scope), MANAGER, { total });
    const again = await lab.nextPhase('use again', (control) => useAgainProgram(control, scope), MANAGER);
    return { series: [...used, ...removed, ...again] };
  },
};
