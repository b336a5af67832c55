import type { KernelConfig } from '@kmemlab/kernel';
import type { Topology } from '@kmemlab/machine';
import type { Experiment, Lab } from '../lab/types.js';
import type { ParamValues } from '../params.js';
import {
  type Awake,
  busyProgram,
  createProgram,
  freeProgram,
  moduleProgram,
  observeProgram,
  removeProgram,
  type Scope,
} from './programs.js';

const US = 1e3;
const MS = 1e6;
const MANAGER = { kind: 'pinned', cpu: 0 } as const;

function scopeOf({ topology }: Lab, params: ParamValues): Scope {
  const last = topology.cpuCount - 1;
  const objects = Number(params.objects);
  return {
    memcgs: Number(params.memcgs),
    objects,
    live: Math.min(Number(params.live), objects),
    size: Number(params.size),
    rcuTyped: params.type === 'rcu',
    allocators: Array.from({ length: Math.min(Number(params.cpus), last + 1) }, (_, cpu) => cpu),
    freer: Number(params.freeOn ?? last),
    freeAfter: Number(params.freeAfter) * US,
    ask: Number(params.ask),
    minPartial: Number(params.minPartial),
    shrinks: Number(params.shrinks),
    shrinkEvery: Number(params.shrinkEvery) * US,
    shrinker: Number(params.shrinkOn ?? Math.min(1, last)),
    observe: Number(params.observe) * MS,
    pressure: Number(params.pressure) * MS,
    awake: params.awake as Awake,
    nodes: topology.nodes,
    cpuCount: topology.cpuCount,
  };
}

function contradiction(params: ParamValues, { cpuCount }: Topology, config: KernelConfig): string | undefined {
  const { objects, live, cpus } = params;
  if (Number(live) > Number(objects)) return `live=${live} of objects=${objects}; give at most live=${objects}`;
  if (Number(cpus) > cpuCount) return `cpus=${cpus}, and the machine has ${cpuCount}; give at most cpus=${cpuCount}`;
  if (config.allocator === 'slub') return undefined;
  if (Number(params.shrinks) > 0) return 'shrinks are through files of SLUB; leave shrinks out, or give --config slub';
  if (Number(params.minPartial) >= 0) return 'SLAB has no min_partial; leave minPartial out, or give --config slub';
  return undefined;
}

/** E1: who destroys the cache of a removed memcg when its last object is freed, and is it safe? */
export const emptyCache: Experiment = {
  name: 'empty-cache',
  summary:
    'free the last objects of caches whose memcgs were removed: are the caches destroyed, when, and at what cost?',
  params: {
    memcgs: { kind: 'integer', amount: true, min: 1, max: 65000, default: 1, summary: 'memcgs, each with one cache' },
    objects: { kind: 'integer', min: 1, max: 100000, default: 32, summary: 'objects allocated in each' },
    live: {
      kind: 'integer',
      min: 0,
      max: 100000,
      default: 1,
      summary: 'of these, spread evenly, in use until after rmdir',
    },
    size: {
      kind: 'integer',
      min: 32,
      max: 8192,
      default: 256,
      summary: 'bytes of an object: the larger, the more slabs they are spread over',
    },
    type: {
      kind: 'choice',
      values: ['plain', 'rcu'],
      default: 'plain',
      summary: 'rcu: the slabs of the cache are freed through RCU',
    },
    cpus: { kind: 'integer', min: 1, max: 4096, default: 1, summary: 'CPUs that allocate, CPU0 first' },
    freeAfter: {
      kind: 'integer',
      min: 0,
      max: 60_000_000,
      default: 1_000_000,
      summary: 'µs between rmdir and the free of the live objects',
    },
    freeOn: { kind: 'optionalCpu', summary: 'CPU that frees them; the last one if not given' },
    observe: { kind: 'integer', min: 0, max: 600_000, default: 30_000, summary: 'ms of machine time after that' },
    awake: {
      kind: 'choice',
      values: ['all', 'freer', 'none'],
      default: 'all',
      summary: 'on which CPUs a task wakes up four times a second meanwhile; with none nobody looks before the end',
    },
    ask: {
      kind: 'integer',
      min: 0,
      max: 1000,
      default: 0,
      summary: 'further caches that each memcg asks for, on the CPUs behind CPU0 in turn, just before rmdir',
    },
    pressure: {
      kind: 'integer',
      min: 0,
      max: 600_000,
      default: 0,
      summary:
        'ms after the free at which another memcg, from which nothing can be reclaimed, is reclaimed from; 0: never',
    },
    minPartial: {
      kind: 'integer',
      min: -1,
      max: 100,
      default: -1,
      summary:
        'SLUB: written to min_partial of each cache before rmdir; with 0 no empty slab is kept; −1 leaves it as it is',
    },
    shrinks: {
      kind: 'integer',
      min: 0,
      max: 100_000,
      default: 0,
      summary: 'SLUB: shrinks of each cache through sysfs by another task, from rmdir on and again from the free on',
    },
    shrinkEvery: { kind: 'integer', min: 0, max: 1_000_000, default: 1000, summary: 'µs before each of these' },
    shrinkOn: { kind: 'optionalCpu', summary: 'CPU of that task; CPU1 if not given' },
    busy: {
      kind: 'integer',
      min: 0,
      max: 100_000,
      default: 0,
      summary:
        'µs at a time for which a task in the kernel keeps CPU0, where works of removed memcgs run, from rmdir on',
    },
  },
  contradiction,
  window: ['module', 'create', 'remove', 'free', 'observe'],
  schedule: { objects: 4, freeAfter: 20_000, observe: 100 },
  async run(lab, params) {
    const scope = scopeOf(lab, params);
    const { memcgs } = scope;
    const busy = Number(params.busy) * US;
    await lab.phase('module', () => moduleProgram(scope), MANAGER);
    const base = await lab.nextPhase('create', (control) => createProgram(control, scope), MANAGER, { total: memcgs });
    if (busy > 0) lab.background('busy', (control) => busyProgram(control, busy), MANAGER);
    await lab.nextPhase('remove', (control) => removeProgram(control, scope), MANAGER, { total: memcgs });
    const freed = await lab.nextPhase('free', () => freeProgram(scope, base), MANAGER);
    const emptied = await lab.nextPhase('observe', () => observeProgram(scope, freed), MANAGER);
    lab.stopBackground();
    return { emptied };
  },
};
