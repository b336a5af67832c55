import { endPhase } from '../end-phase.js';
import type { Experiment } from '../lab/types.js';
import { type Part, tortureProgram } from './programs.js';

/** For the checker, as rcutorture is for RCU: a task on each CPU goes through the whole life of memcgs and their caches. */
export const torture: Experiment = {
  name: 'torture',
  summary: 'a task on each CPU makes, uses, tunes and removes memcgs and their caches: every path, for searching',
  params: {
    loops: { kind: 'integer', amount: true, min: 1, max: 1000, default: 3, summary: 'memcgs that each task makes' },
    hotplug: {
      kind: 'integer',
      min: 0,
      max: 1000,
      default: 0,
      summary: 'times that a CPU is taken down and brought up',
    },
  },
  window: ['torture', 'end'],
  schedule: { loops: 2, hotplug: 1 },
  async run(lab, params) {
    const loops = Number(params.loops);
    const last = lab.topology.cpuCount - 1;
    const hotplugs = last > 0 ? Number(params.hotplug) : 0;
    const part = (cpu: number): Part => ({
      ...{ cpu, loops, tunes: cpu === 0, loadsModule: cpu === last },
      goesDown: Array.from({ length: cpu === 0 ? hotplugs : 0 }, (_, n) => last - (n % last)),
    });
    for (let cpu = 1; cpu <= last; cpu++) {
      const stays = cpu % 2 === 0 && lab.housekeeping.includes(cpu);
      const placement = stays ? ({ kind: 'pinned', cpu } as const) : ({ kind: 'spread' } as const);
      lab.background(`torture/${cpu}`, (control) => tortureProgram(control, part(cpu)), placement);
    }
    const first = { kind: 'pinned', cpu: 0 } as const;
    await lab.phase('torture', (control) => tortureProgram(control, part(0)), first, { total: loops });
    await endPhase(lab, first);
    return {};
  },
};
