import type { Experiment } from '../lab/types.js';
import { loadProgram, type Scope, sleepProgram } from './programs.js';

const MS = 1e6;
const MANAGER = { kind: 'pinned', cpu: 0 } as const;

/** What if an allocation sleeps for memory, and its memcg goes or its task is moved meanwhile? */
export const sleepingAllocation: Experiment = {
  name: 'sleeping-allocation',
  summary: 'memory is short: an allocation for a memcg sleeps, and meanwhile its task is moved or the memcg removed',
  params: {
    sleeper: {
      kind: 'choice',
      values: ['task', 'creation'],
      default: 'task',
      summary: 'who sleeps: a task that takes an object, once it has chosen its cache; the worker that creates a cache',
    },
    remove: {
      kind: 'choice',
      values: ['yes', 'no'],
      default: 'yes',
      summary: 'the memcg is removed meanwhile; the task has been moved to another by then',
    },
    sleep: { kind: 'integer', min: 1, max: 10_000, default: 100, summary: 'ms of machine time' },
    size: { kind: 'integer', min: 32, max: 8192, default: 300, summary: 'bytes of an object' },
    useOn: { kind: 'optionalCpu', summary: 'CPU of the task; the last one if not given' },
  },
  window: ['load', 'sleep'],
  async run(lab, params) {
    const scope: Scope = {
      sleeper: params.sleeper as Scope['sleeper'],
      remove: params.remove === 'yes',
      sleep: Number(params.sleep) * MS,
      size: Number(params.size),
      user: Number(params.useOn ?? lab.topology.cpuCount - 1),
    };
    await lab.phase('load', () => loadProgram(scope), MANAGER, { until: 'quiet' });
    await lab.nextPhase('sleep', (control) => sleepProgram(control, scope), MANAGER, { until: 'quiet' });
    return {};
  },
};
