import { CALLED_WORK_FN, KMEM_WQ_LOCKED, type Stretch } from '@kmemlab/kernel';
import type { Experiment } from '../lab/types.js';
import type { ParamValues } from '../params.js';
import { chargingProgram, defects, gracePeriodProgram, OTHER, prepareProgram, USED } from './programs.js';

const MS = 1e6;

/** Every CPU that comes to the label stays there for a grace period or two; `cache` is the root that is worked on. */
const stayAt = (label: string, cache: string): Stretch => ({
  ...{ label, cpu: -1, cache },
  ...{ maxNs: 40 * MS, tailNs: 0, holdNs: 0, times: 1 },
});

/** Where a CPU stays, by defect: under memcg_kmem_wq_lock while it unloads a module; before it clears work_fn. */
const windows: Readonly<Record<string, Stretch>> = {
  c: stayAt(KMEM_WQ_LOCKED, OTHER),
  d: stayAt(CALLED_WORK_FN, USED),
};

/** E2c: the defects of the posted rework of 2019, each by the smallest program that shows it. */
export const postedDefects: Experiment = {
  name: 'posted-defects',
  summary:
    'the defects of "rework non-root kmem_cache lifecycle management" as posted, one by one; on v5.2+percpu-ref-lifecycle-v4 if no kernel is named',
  kernel: 'v5.2+percpu-ref-lifecycle-v4',
  params: {
    defect: {
      kind: 'choice',
      values: Object.keys(defects),
      default: 'd',
      summary: 'V5p-a to V5p-h: what the program does',
    },
    stretch: {
      kind: 'choice',
      values: ['yes', 'no'],
      default: 'yes',
      summary: 'V5p-c, V5p-d: a CPU stays in the narrow window for 40 ms',
    },
  },
  window: ['prepare', 'defect'],
  schedule: { stretch: 'no' },
  // Where two modules' caches are one (V5p-f), the kernel merges caches of equal objects.
  objects: ({ defect }) => (defect === 'f' ? 'measured' : 'distribution'),
  stretches: ({ defect, stretch }: ParamValues) => {
    const window = windows[String(defect)];
    return window !== undefined && stretch === 'yes' ? [window] : [];
  },
  async run(lab, params) {
    const letter = String(params.defect);
    const defect = defects[letter];
    if (defect === undefined) throw new Error(`no program for defect ${letter}`);
    // The kthread of RCU runs on CPU0, and must get on while the program's CPU is busy.
    const last = { kind: 'pinned', cpu: lab.topology.cpuCount - 1 } as const;
    const other = { kind: 'pinned', cpu: 0 } as const;
    const visitor = await lab.phase('prepare', (control) => prepareProgram(control, defect.before), last);
    if (letter === 'a') lab.background('waiter', gracePeriodProgram, other);
    if (letter === 'h') lab.background('charger', chargingProgram, other);
    await lab.nextPhase('defect', () => defect.show(visitor), last);
    lab.stopBackground();
    return {};
  },
};
