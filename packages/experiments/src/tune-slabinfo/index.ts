import { LOADED_CPU_CACHE, type Stretch } from '@kmemlab/kernel';
import type { Experiment } from '../lab/types.js';
import type { ParamValues } from '../params.js';
import { childrenProgram, filesProgram, settleProgram, writerProgram } from './programs.js';

const MS = 1e6;

/**
 * The CPU stays between loading cpu_cache and storing until the pointer has changed, and then until the array is freed or
 * half a millisecond after a kick has come. The limits leave room for threads that wait for a core.
 */
const stretchOf = (cpu: number): Stretch => ({
  label: LOADED_CPU_CACHE,
  cpu,
  cache: 'dentry',
  maxNs: 20 * MS,
  tailNs: 1000 * MS,
  holdNs: 0.5 * MS,
  times: 1,
});

/** E4, second part: tuning a root cache replaces arrays that CPUs may be using. */
export const tuneSlabinfo: Experiment = {
  name: 'tune-slabinfo',
  summary: 'write new tunables for dentry to /proc/slabinfo while other CPUs allocate and free dentries',
  params: {
    writes: { kind: 'integer', amount: true, min: 1, max: 100000, default: 10, summary: 'writes to /proc/slabinfo' },
    children: {
      kind: 'integer',
      amount: true,
      min: 0,
      max: 65000,
      // The list of them is one answer, and an inbox has room for 131,000 bytes: 9 for each handle.
      maxLive: 14000,
      default: 0,
      summary: 'memcgs with a dentry cache of their own',
    },
    pause: {
      kind: 'integer',
      min: 1,
      max: 10000,
      default: 2,
      summary: 'ms between two files of a task: long against making one, by default short against a grace period',
    },
    irqOffCpu: {
      kind: 'optionalCpu',
      summary: 'CPU that stretches one slab free between loading cpu_cache and storing into the array',
    },
  },
  allocator: 'slab',
  needsCgroupV1: () => true,
  window: ['writes'],
  schedule: { writes: 1, pause: 40 },
  stretches: (params: ParamValues) => (params.irqOffCpu === undefined ? [] : [stretchOf(Number(params.irqOffCpu))]),
  async run(lab, params) {
    const children = Number(params.children);
    const writer = { kind: 'pinned', cpu: 0 } as const;
    const writes = Number(params.writes);
    const pause = Number(params.pause) * MS;
    await lab.phase('create', (control) => childrenProgram(control, children), writer, { total: children });
    await lab.nextPhase('settle', settleProgram, writer, { until: 'quiet' });
    for (const cpu of lab.housekeeping.filter((other) => other !== writer.cpu)) {
      lab.background(`files/${cpu}`, (control) => filesProgram(control, pause), { kind: 'pinned', cpu });
    }
    await lab.nextPhase('writes', (control) => writerProgram(control, writes), writer, { total: writes });
    lab.stopBackground();
    return {};
  },
};
