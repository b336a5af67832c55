import type { Experiment, Lab } from '../lab/types.js';
import type { ParamValues } from '../params.js';
import { lateFree, prepareLateFree } from './late-free.js';
import {
  generationsProgram,
  kernelPagesProgram,
  type Scope,
  slabinfoProgram,
  topProgram,
  tuneProgram,
  unlinkProgram,
} from './programs.js';

const SERIES = 'reparent-2014';
const LAST = 12;
const US = 1e3;
const MS = 1e6;
const STICKY = { kind: 'sticky' } as const;
const MANAGER = { kind: 'pinned', cpu: 0 } as const;

const scopeOf = (params: ParamValues): Scope => ({
  memcgs: Number(params.memcgs),
  files: Number(params.files),
  depth: Number(params.depth),
  pause: Number(params.pause) * MS,
  settle: Number(params.settle),
  useHierarchy: params.useHierarchy === 1,
  activeParent: params.activeParent === 1,
  pending: params.pending === 1,
  stacks: params.stacks === 1,
});

const flag = (summary: string, usual: 0 | 1) => ({ kind: 'integer', min: 0, max: 1, default: usual, summary }) as const;

/** E3: what does each patch of the series of 2014 change, when memcgs come and go while their objects stay? */
export const reparenting2014: Experiment = {
  name: 'reparenting-2014',
  summary:
    'memcgs of one name come and go, files that were made in them stay: which patch of the series of 2014 does what?',
  params: {
    upto: {
      kind: 'integer',
      min: 0,
      max: LAST,
      default: LAST,
      summary: 'patches of the series on v3.14, 0 for v3.14 itself; stands for the kernel, if that is not named',
    },
    memcgs: { kind: 'integer', amount: true, min: 1, max: 65000, default: 20, summary: 'memcgs, one after the other' },
    useHierarchy: flag('whether the directory above them is hierarchical, and so adopts their caches', 0),
    activeParent: flag('whether that directory is kmem-active', 1),
    depth: { kind: 'integer', min: 1, max: 8, default: 1, summary: 'levels of directories that come and go with each' },
    files: { kind: 'integer', min: 0, max: 1000, default: 2, summary: 'empty tmpfs files made in each, which stay' },
    pause: { kind: 'integer', min: 0, max: 10000, default: 100, summary: 'ms of machine time after each rmdir' },
    pending: flag(
      'whether the last thing in each is the first use of one more cache, whose creation is then pending',
      0,
    ),
    stacks: flag('whether a task that was forked in each lives on outside', 0),
    part: {
      kind: 'choice',
      values: ['generations', 'come-and-go', 'late-free'],
      default: 'generations',
      summary:
        'come-and-go: only the memcgs and the unlinking, without looking at what the kernel shows; late-free: instead, slabs of one removed memcg become empty at a chosen moment after its rmdir',
    },
    settle: {
      kind: 'integer',
      min: 0,
      max: 1000,
      default: 30,
      summary: 's of machine time after the files were unlinked',
    },
    slabs: {
      kind: 'integer',
      min: 1,
      max: 1000,
      default: 8,
      summary: 'late-free: slabs that are partly free at rmdir',
    },
    freeAfter: {
      kind: 'integer',
      min: 0,
      max: 60_000_000,
      default: 5000,
      summary: 'late-free: µs from rmdir to the first free',
    },
    shrink: flag('late-free: whether the cache is shrunk through sysfs after the last free (SLUB)', 0),
    type: {
      kind: 'choice',
      values: ['plain', 'rcu'],
      default: 'plain',
      summary: 'late-free: rcu: the slabs of the cache are freed through RCU',
    },
  },
  needsCgroupV1: () => true,
  window: ['generations'],
  schedule: { memcgs: 2, files: 1, pause: 50 },
  picksKernel: {
    param: 'upto',
    kernelOf: (upto) => (upto === 0 ? 'v3.14' : `v3.14+${SERIES}:upto=${upto}`),
    valueIn: (patches) => {
      const series = patches.find(({ name }) => name === SERIES);
      return series === undefined ? 0 : Number(series.chosen?.upto ?? LAST);
    },
  },
  async run(lab, params) {
    if (params.part === 'late-free') return await runLateFree(lab, params);
    const scope = scopeOf(params);
    return params.part === 'come-and-go' ? await runComeAndGo(lab, scope) : await runGenerations(lab, scope);
  },
};

async function runGenerations(lab: Lab, scope: Scope) {
  const total = scope.memcgs;
  await lab.phase('top', () => topProgram(scope), STICKY);
  const made = await lab.nextPhase('generations', (control) => generationsProgram(control, scope), STICKY, { total });
  const shown = await lab.nextPhase('slabinfo', slabinfoProgram, STICKY);
  await lab.nextPhase('tune', tuneProgram, STICKY);
  const charged = await lab.nextPhase('kernel-pages', kernelPagesProgram, STICKY);
  const unlinked = await lab.nextPhase('unlink', (control) => unlinkProgram(control, scope), STICKY, { total });
  return { series: [...made, ...unlinked], reparented: { ...shown, ...charged } };
}

async function runComeAndGo(lab: Lab, scope: Scope) {
  const total = scope.memcgs;
  await lab.phase('top', () => topProgram(scope), STICKY);
  const made = await lab.nextPhase('generations', (control) => generationsProgram(control, scope), STICKY, { total });
  const unlinked = await lab.nextPhase('unlink', (control) => unlinkProgram(control, scope), STICKY, { total });
  return { series: [...made, ...unlinked] };
}

async function runLateFree(lab: Lab, params: ParamValues) {
  const last = lab.topology.cpuCount - 1;
  const scope = {
    slabs: Number(params.slabs),
    rcuTyped: params.type === 'rcu',
    shrinks: params.shrink === 1,
    freeAfter: Number(params.freeAfter) * US,
    observe: 100 * MS,
    manager: 0,
    freer: last,
  };
  await lab.phase('prepare', () => prepareLateFree(scope), MANAGER);
  await lab.nextPhase('generations', () => lateFree(scope), MANAGER);
  return {};
}
