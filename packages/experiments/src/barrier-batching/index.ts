import type { Placement } from '@kmemlab/kernel';
import type { Experiment } from '../lab/types.js';
import {
  bystanderProgram,
  cacheNames,
  makeProgram,
  modulesProgram,
  removeProgram,
  settleProgram,
  type Trigger,
  type Workload,
} from './programs.js';

const SECOND = 1e9;

/** E0: what does it cost to wait for RCU callbacks when many memcgs with RCU-typed caches go at once? */
export const barrierBatching: Experiment = {
  name: 'barrier-batching',
  summary:
    'remove many memcgs whose caches are partly RCU-typed: how many rcu_barrier calls, and how long until all is gone?',
  params: {
    memcgs: { kind: 'integer', amount: true, min: 1, max: 65000, default: 100, summary: 'memcgs to make and remove' },
    typesafeCaches: {
      kind: 'integer',
      min: 0,
      max: 4,
      default: 1,
      summary: 'synthetic: RCU-typed caches that each memcg uses',
    },
    caches: {
      kind: 'integer',
      min: 0,
      max: 32,
      default: 2,
      summary: 'synthetic: other caches that each memcg uses',
    },
    rate: {
      kind: 'integer',
      min: 0,
      max: 100000,
      default: 0,
      summary: 'removals per second of machine time; 0: back to back',
    },
    trigger: {
      kind: 'choice',
      values: ['rmdir', 'reclaim'],
      default: 'rmdir',
      summary:
        'what makes the memcgs go: rmdir; reclaim: objects keep them until all are removed, then are freed at once',
    },
    settle: {
      kind: 'integer',
      min: 0,
      max: 1,
      default: 1,
      summary: '0: the removal begins while caches of the last memcgs are still being created',
    },
    bystander: {
      kind: 'integer',
      min: 0,
      max: 1,
      default: 0,
      summary: '1: a task on the last CPU makes and removes empty cgroups meanwhile, and takes the time of each call',
    },
    workload: {
      kind: 'choice',
      values: ['synthetic', 'fork'],
      default: 'synthetic',
      summary:
        'what each worker does: one object of each synthetic cache; fork: a child with files, 14 caches as measured',
    },
  },
  window: ['remove'],
  schedule: { memcgs: 2 },
  objects: ({ workload }) => (workload === 'fork' ? 'measured' : 'distribution'),
  async run(lab, params) {
    const memcgs = Number(params.memcgs);
    const workload = params.workload as Workload;
    const trigger = params.trigger as Trigger;
    const names = cacheNames(workload, trigger, Number(params.typesafeCaches), Number(params.caches));
    const rate = Number(params.rate);
    const pause = rate === 0 ? 0 : Math.round(SECOND / rate);
    const bystander = Number(params.bystander) === 1;
    const { housekeeping } = lab;
    const place: Placement = bystander ? { kind: 'pinned', cpu: housekeeping[0] ?? 0 } : { kind: 'sticky' };
    await lab.phase('modules', () => modulesProgram(names), place);
    await lab.nextPhase('create', (control) => makeProgram(control, { memcgs, workload, names }), place, {
      total: memcgs,
    });
    const { topology } = lab;
    const reclaimers = Array.from({ length: topology.nodes }, (_, node) => topology.firstCpuOf(node));
    const removal = { memcgs, pause, trigger, bystander, reclaimers };
    if (Number(params.settle) === 1) await lab.nextPhase('settle', settleProgram, place, { until: 'quiet' });
    const last = housekeeping[housekeeping.length - 1] ?? 0;
    if (bystander) lab.background('bystander', bystanderProgram, { kind: 'pinned', cpu: last });
    await lab.nextPhase('remove', (control) => removeProgram(control, removal), place, {
      total: memcgs,
    });
    if (bystander) lab.stopBackground();
    return {};
  },
};
