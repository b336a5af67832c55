import type { Experiment } from '../lab/types.js';
import { placementOf } from '../params.js';
import { createProgram, type Profile, removeProgram, rootCacheProgram, settleProgram } from './programs.js';

const MS = 1e6;

/** E4: the 2017 script, step by step: how many IPIs does the creation of memcg caches cost? */
export const avoidIpis: Experiment = {
  name: 'avoid-ipis',
  summary: "the 2017 mail's script: make and enter memcgs, count function call interrupts, remove them",
  params: {
    loops: { kind: 'integer', amount: true, min: 1, max: 65000, default: 100, summary: 'memcgs to make' },
    profile: {
      kind: 'choice',
      values: ['tmpfs', 'mail'],
      default: 'tmpfs',
      summary: 'tmpfs: 3 caches per loop, as real 4.10 allocates; mail: 5, each opened file also maps a buffer',
    },
    placement: { kind: 'placement', default: 'sticky', summary: 'where the script runs' },
    pause: { kind: 'integer', min: 0, max: 10000, default: 0, summary: 'ms of machine time slept after each loop' },
  },
  needsCgroupV1: () => true,
  window: ['create', 'settle'],
  schedule: { loops: 1 },
  rootCachePhase: 'rootCache',
  async run(lab, params) {
    const loops = Number(params.loops);
    const options = { loops, profile: params.profile as Profile, pause: Number(params.pause) * MS };
    const placement = placementOf(String(params.placement));
    const script = await lab.phase('create', (control) => createProgram(control, options), placement, { total: loops });
    await lab.nextPhase('settle', () => settleProgram(script), placement);
    await lab.nextPhase('remove', (control) => removeProgram(control, loops), placement, {
      total: loops,
      until: 'quiet',
    });
    await lab.nextPhase('rootCache', rootCacheProgram, placement, { until: 'quiet' });
    return { script };
  },
};
