import type { Experiment, Lab } from '../lab/types.js';
import type { ParamValues } from '../params.js';
import { loadProgram, type Scope, unloadProgram, useProgram, type When } from './programs.js';

const US = 1e3;
const MANAGER = { kind: 'pinned', cpu: 0 } as const;

function scopeOf({ topology }: Lab, params: ParamValues): Scope {
  const last = topology.cpuCount - 1;
  return {
    memcgs: Number(params.memcgs),
    modules: Number(params.modules),
    size: Number(params.size),
    rcuTyped: params.type === 'rcu',
    aliased: params.alias === 'merged',
    when: params.when as When,
    reloads: params.reload === 'atOnce',
    gap: Number(params.gap) * US,
    every: Number(params.every) * US,
    unloader: Number(params.unloadOn ?? last),
    user: Number(params.useOn ?? 0),
    contender: Number(params.contendOn ?? Math.min(1, last)),
    contend: Number(params.contend),
  };
}

/** What happens when the root of memcg caches is destroyed, because its module is unloaded, while memcgs come and go? */
export const rootDestruction: Experiment = {
  name: 'root-destruction',
  summary: 'a module whose cache memcgs use is unloaded: at rest, while caches are being created, or while memcgs go',
  params: {
    memcgs: { kind: 'integer', amount: true, min: 1, max: 10000, default: 2, summary: 'memcgs that use the module' },
    modules: {
      kind: 'integer',
      amount: true,
      min: 1,
      max: 1000,
      default: 1,
      summary: 'modules with a cache each, unloaded one after the other',
    },
    type: {
      kind: 'choice',
      values: ['plain', 'rcu'],
      default: 'plain',
      summary: 'rcu: the slabs of these caches are freed through RCU',
    },
    when: {
      kind: 'choice',
      values: ['idle', 'creating', 'removing'],
      default: 'idle',
      summary:
        'unload with all at rest; as soon as the memcgs have asked for their caches; or once the memcgs are being removed',
    },
    gap: {
      kind: 'integer',
      min: 0,
      max: 10_000_000,
      default: 0,
      summary: 'µs from there to the first unloading',
    },
    every: { kind: 'integer', min: 0, max: 10_000_000, default: 0, summary: 'µs between two unloadings' },
    alias: {
      kind: 'choice',
      values: ['none', 'merged'],
      default: 'none',
      summary:
        'merged: a second module of each kind may share the cache; it is loaded last and unloaded, the first stays in use',
    },
    reload: {
      kind: 'choice',
      values: ['no', 'atOnce'],
      default: 'no',
      summary: 'atOnce: each module is loaded again as soon as its name is free',
    },
    size: { kind: 'integer', min: 32, max: 8192, default: 300, summary: 'bytes of an object' },
    useOn: { kind: 'optionalCpu', summary: 'CPU on which the memcgs’ tasks run; CPU0 if not given' },
    contend: {
      kind: 'integer',
      min: 0,
      max: 100_000,
      default: 0,
      summary: 'times that another task loads and unloads another module meanwhile, for which it needs slab_mutex',
    },
    contendOn: { kind: 'optionalCpu', summary: 'CPU of that task; CPU1 if not given' },
    unloadOn: { kind: 'optionalCpu', summary: 'CPU on which modules are unloaded; the last one if not given' },
  },
  window: ['load', 'use', 'unload'],
  schedule: { memcgs: 1 },
  async run(lab, params) {
    const scope = scopeOf(lab, params);
    await lab.phase('load', () => loadProgram(scope), MANAGER);
    await lab.nextPhase('use', (control) => useProgram(control, scope), MANAGER, {
      total: scope.memcgs,
      until: 'quiet',
    });
    await lab.nextPhase('unload', () => unloadProgram(scope), MANAGER, { until: 'quiet' });
    return {};
  },
};
