import { KMEM_WQ_LOCKED } from '@kmemlab/kernel';
import type { BugCase, BugCases } from './types.js';

/* Cases of the kernels in which caches count their references: the rework of 2019, posted and merged. */

const SMALL = { nodes: 1, cpusPerNode: 2 } as const;

type Defined = Pick<BugCase, 'config' | 'params' | 'verdict' | 'elsewhere' | 'windows' | 'from'>;

const posted = (expect: BugCase['expect'], defect: string, more: Defined = {}): BugCase => ({
  ...{ expect, experiment: 'posted-defects', ...SMALL, from: 'defect' },
  ...more,
  params: { defect, ...more.params },
});

/** One by one, as the posted form has them; what a case of theirs is without the bug is the same case. */
export const lifecycleDefects = {
  readLock: (expect: BugCase['expect']) => posted(expect, 'a', { config: 'slab,preempt', verdict: 'RCU-9' }),
  deniedItem: (expect: BugCase['expect']) => posted(expect, 'b', { config: 'slub', verdict: 'leak' }),
  selfDeadlock: (expect: BugCase['expect']) =>
    posted(expect, 'c', { config: 'slub', verdict: 'deadlock', windows: [KMEM_WQ_LOCKED] }),
  writeAfterFree: (expect: BugCase['expect']) => posted(expect, 'd', { config: 'slab', elsewhere: 'use-after-free' }),
  rootDestroyed: (expect: BugCase['expect']) => posted(expect, 'e', { config: 'slub', verdict: 'V5p-e' }),
  dyingRoot: (expect: BugCase['expect']) => posted(expect, 'f', { config: 'slub' }),
  inFlight: (expect: BugCase['expect']) => posted(expect, 'h', { config: 'slub', verdict: 'use-after-free' }),
};

const clean = (experiment: string, more: Partial<BugCase> = {}): BugCase => ({
  ...{ expect: 'clean', experiment, ...SMALL, config: 'slub' },
  ...more,
});

/** A memcg's cache becomes empty after its removal; nobody looks round meanwhile. */
const emptied = (more: Partial<BugCase> = {}): BugCase =>
  clean('empty-cache', { from: 'remove', ...more, params: { awake: 'none', ...more.params } });

const SHRUNK_MEANWHILE = emptied({
  ...{ nodes: 2, cpusPerNode: 1 },
  params: { shrinks: 10 },
  verdict: 'use-after-free',
});

/** A module is unloaded. */
const unloaded = (more: Partial<BugCase>): BugCase => clean('root-destruction', { from: 'unload', ...more });

/**
 * What was wrong in earlier kernels only, in the scenarios that show it there. The code by whose touch of freed memory a verdict
 * has a defect's id is gone, so the class is looked for.
 */
export const laterThan314: BugCases = {
  'V0-b': [emptied({ verdict: 'use-after-free' })],
  'V0-c': [emptied({ params: { awake: 'freer' }, verdict: 'double-destroy' })],
  'V0-d': [SHRUNK_MEANWHILE],
  'V0-i': [SHRUNK_MEANWHILE],
  'V0-e': [clean('avoid-ipis', { verdict: 'leak' })],
  'V0-g': [unloaded({ params: { when: 'creating' }, verdict: 'use-after-free' })],
  'V0-h': [lifecycleDefects.inFlight('clean')],
  'V0-a': [emptied({ finding: { class: 'dead-cache', pinnedBy: 'retainedSlab' } })],
  'no-reaper': [emptied({ verdict: 'leak' })],
  'V1-a': [emptied({ params: { type: 'rcu' }, verdict: 'leak' })],
  'V2-a': [emptied({ verdict: 'stall' })],
  'V2-b': [emptied({ verdict: 'use-after-free' })],
  mischarge: [clean('sleeping-allocation', { params: { remove: 'no' }, finding: { class: 'mischarge' } })],
  'sysfs-clash': [unloaded({ params: { reload: 'atOnce' } })],
};

const zombies = (expect: BugCase['expect'], pinnedBy: string, phase: string | undefined, params = {}): BugCase => ({
  ...{ expect, experiment: 'zombies', ...SMALL, config: 'slub' },
  params: { generations: 3, files: 2, ...params },
  finding: { class: 'zombie-memcg', pinnedBy, ...(phase !== undefined && { phase }) },
});

/**
 * Removed memcgs that stay because of what they paid for.
 * @param phase at whose end they are counted; the end of the run if absent
 */
export const zombieCases = (phase?: string): BugCases => ({
  'zombie-objects': [zombies('clean', 'dentry', phase), zombies('clean', 'inode', phase)],
  'zombie-negative-dentry': [
    clean('avoid-ipis', {
      params: { loops: 5 },
      finding: { class: 'zombie-memcg', pinnedBy: 'negativeDentry' },
    }),
  ],
  'zombie-pages': [zombies('found', 'kmemPages', phase, { pipe: 'yes' })],
});

/** Mutations of a kernel in which they do harm, or none. */
export const mutationCases = (kernel: string): BugCases => ({
  'never-kick': [
    { expect: 'found', kernel: `${kernel}+never-kick`, experiment: 'tune-slabinfo', ...SMALL, verdict: 'SLAB-4' },
  ],
  'no-barrier-at-teardown': [
    emptied({
      kernel: `${kernel}+no-barrier-at-teardown`,
      params: { type: 'rcu' },
      verdict: 'use-after-free',
    }),
  ],
  'no-barrier-at-root-destruction': [
    {
      ...{ expect: 'found', kernel: `${kernel}+no-barrier-at-root-destruction`, verdict: 'SLUB-6' },
      ...{ experiment: 'root-destruction', ...SMALL, config: 'slub', params: { type: 'rcu' } },
    },
  ],
});
