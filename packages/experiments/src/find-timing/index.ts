import type { Experiment } from '../lab/types.js';
import { pinned } from '../work-in.js';
import {
  dropAndSettleProgram,
  entriesOf,
  findProgram,
  loopProgram,
  outliveProgram,
  prepareProgram,
} from './programs.js';

const FINDER = pinned(0);

/** E2a: what accounting costs a task that looks up one name after the other. */
export const findTiming: Experiment = {
  name: 'find-timing',
  summary: 'find over a tree of names, then drop_caches, again and again: what does accounting cost a lookup?',
  params: {
    files: { kind: 'integer', amount: true, min: 1, max: 65000, default: 100, summary: 'directories of the tree' },
    repeats: { kind: 'integer', min: 2, max: 1000, default: 10, summary: 'rounds of find and drop_caches' },
    accounted: {
      kind: 'choice',
      values: ['yes', 'no'],
      default: 'yes',
      summary: 'the task is in a memcg, which pays; or in the root cgroup, where nobody does',
    },
    outlive: {
      kind: 'choice',
      values: ['yes', 'no'],
      default: 'yes',
      summary: 'in the end once more, with the memcg removed before the names are dropped',
    },
  },
  window: ['find'],
  schedule: { files: 4, repeats: 2 },
  async run(lab, params) {
    const directories = Number(params.files);
    const repeats = Number(params.repeats);
    const scope = { directories, accounted: params.accounted === 'yes' };
    const tree = await lab.phase('prepare', (control) => prepareProgram(control, scope), FINDER);
    // The first round has the memcg's caches made; the last one is counted by itself.
    const loop = await lab.nextPhase(
      'loop',
      (control) => loopProgram(control, tree, directories, repeats - 1),
      FINDER,
      { total: repeats - 1, until: 'quiet' },
    );
    const findNs = await lab.nextPhase('find', () => findProgram(tree, directories), FINDER);
    const dropNs = await lab.nextPhase('drop', dropAndSettleProgram, FINDER);
    if (params.outlive === 'yes') {
      await lab.nextPhase('outlive', (control) => outliveProgram(control, tree, directories), FINDER);
      await lab.nextPhase('drop-outlived', dropAndSettleProgram, FINDER, { until: 'quiet' });
    }
    return { find: { entries: entriesOf(tree, directories), repeats: [...loop, { findNs, dropNs }] } };
  },
};
