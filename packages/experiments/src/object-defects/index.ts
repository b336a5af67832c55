import type { Experiment } from '../lab/types.js';
import { defectPrograms } from './programs.js';

/** What object-based accounting (5.9) gets wrong, each by the smallest program that shows it. */
export const objectDefects: Experiment = {
  name: 'object-defects',
  summary: 'the defects of object-based accounting in 5.9, one by one; on v5.9 if no kernel is named',
  kernel: 'v5.9',
  params: {
    defect: {
      kind: 'choice',
      values: Object.keys(defectPrograms),
      default: 'a',
      summary: 'V6-a to V6-f: what the program does',
    },
  },
  needsCgroupV1: (params) => params.defect === 'a',
  window: ['defect'],
  async run(lab, params) {
    const last = lab.topology.cpuCount - 1;
    const program = defectPrograms[String(params.defect)];
    if (program === undefined) throw new Error(`no program for defect ${params.defect}`);
    await lab.phase('defect', (control) => program(control, last), { kind: 'pinned', cpu: 0 }, { until: 'quiet' });
    return {};
  },
};
