import type { Experiment } from '../../../packages/experiments/src/lab/types.js';
import { fillProgram, removeProgram, type Scope } from './programs.js';

const PLACEMENT = { kind: 'sticky' } as const;

/** Do caches cost by the memcg, or by the file? */
export const filesInOneMemcg: Experiment = {
  name: 'files-in-one-memcg',
  summary:
    'make so many files in each of so many memcgs, remove these: what is paid for each memcg, what for each file?',
  params: {
    memcgs: { kind: 'integer', amount: true, min: 1, max: 1000, default: 10, summary: 'memory cgroups' },
    files: { kind: 'integer', min: 1, max: 1000, default: 10, summary: 'empty tmpfs files made in each' },
  },
  window: ['fill'],
  schedule: { memcgs: 1, files: 2 },
  async run(lab, params) {
    const scope: Scope = { memcgs: Number(params.memcgs), files: Number(params.files) };
    await lab.phase('fill', (control) => fillProgram(control, scope), PLACEMENT, { total: scope.memcgs });
    await lab.nextPhase('remove', () => removeProgram(scope), PLACEMENT, { until: 'quiet' });
    return {};
  },
};
