import { endPhase } from '../end-phase.js';
import type { Experiment } from '../lab/types.js';
import { rcuTortureProgram } from './programs.js';

/** For the checker: readers, callbacks, grace periods of both kinds and barriers of several tasks at a time. */
export const rcuTorture: Experiment = {
  name: 'rcutorture',
  summary:
    'two tasks on each CPU read, queue callbacks, and wait for grace periods and barriers: RCU alone, for searching',
  params: {
    loops: { kind: 'integer', amount: true, min: 1, max: 100_000, default: 20, summary: 'rounds of each task' },
  },
  window: ['rcutorture', 'end'],
  schedule: { loops: 4 },
  async run(lab, params) {
    const loops = Number(params.loops);
    const tasks = 2 * lab.topology.cpuCount;
    const cpuOf = (task: number) => ({ kind: 'pinned', cpu: task % lab.topology.cpuCount }) as const;
    for (let task = 1; task < tasks; task++) {
      lab.background(`rcutorture/${task}`, (control) => rcuTortureProgram(control, task, loops), cpuOf(task));
    }
    await lab.phase('rcutorture', (control) => rcuTortureProgram(control, 0, loops), cpuOf(0), { total: loops });
    await endPhase(lab, cpuOf(0));
    return {};
  },
};
