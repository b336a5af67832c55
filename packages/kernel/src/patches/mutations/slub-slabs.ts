import type { Handle, ObjectRef } from '@kmemlab/machine';
import type { KernelBuild, Patch } from '../../build.js';
import type { DetachedSlab } from '../../mm/slab/types.js';
import { countSlabs, hasCpuSlab, type SlubCounts, setRetention, takeEmpty } from '../../mm/slub/node-handlers.js';
import { giveBack, unfreeze } from '../../mm/slub/page-handlers.js';
import { directoryBelowRoot } from '../../mm/slub/policies.js';
import { from410To53, to53 } from './applicable.js';
import { wrapHandler } from './wrap-handler.js';

interface Deactivated {
  readonly cache: Handle;
  readonly page: Handle;
}

export const forgetCpuSlab: Patch = {
  name: 'forget-cpu-slab',
  summary: 'a CPU that gives up its slab leaves it frozen',
  mutation: true,
  breaks: 'SLUB-1',
  apply: (kernel) => {
    wrapHandler<Deactivated, DetachedSlab | null>(kernel, unfreeze.name, () => () => null);
  },
};

export const loseGivenBackObject: Patch = {
  name: 'lose-given-back-object',
  summary: 'a CPU that gives up its slab gives back one private object too few',
  mutation: true,
  breaks: 'SLUB-2',
  apply: (kernel) => {
    wrapHandler<{ page: Handle; objects: ObjectRef[] }, void>(
      kernel,
      giveBack.name,
      (give) => (node, args, context) => give(node, { ...args, objects: args.objects.slice(1) }, context),
    );
  },
};

export const partialButFrozen: Patch = {
  name: 'partial-but-frozen',
  summary: 'a slab joins its node’s partial list before it is unfrozen, and never is',
  mutation: true,
  breaks: 'SLUB-3',
  apply: (kernel) => {
    wrapHandler<Deactivated, DetachedSlab | null>(kernel, unfreeze.name, (original) => (node, args, context) => {
      const slab = original(node, args, context);
      const record = node.pages.get(args.page, context.step);
      if (record.list === 'partial') record.list = 'frozen';
      return slab;
    });
  },
};

export const discardUsedSlab: Patch = {
  name: 'discard-used-slab',
  summary: 'a shrink discards a partial slab whose objects are in use',
  mutation: true,
  breaks: 'SLUB-4',
  apply: (kernel) => {
    wrapHandler<{ cache: Handle }, DetachedSlab[]>(kernel, takeEmpty.name, (take) => (node, args, context) => {
      const empty = take(node, args, context);
      const lists = node.slubNode(args.cache, context.step);
      const [used] = lists.partial;
      if (used !== undefined) empty.push(lists.detach(used, node.pages.get(used, context.step)));
      return empty;
    });
  },
};

export const keepRetention: Patch = {
  name: 'keep-retention',
  summary: 'the caches of a dying memcg go on keeping empty slabs',
  mutation: true,
  breaks: 'SLUB-5',
  appliesTo: from410To53,
  apply: (kernel) => {
    wrapHandler<{ cache: Handle }, void>(kernel, setRetention.name, () => () => {});
  },
};

export const missCpuSlabs: Patch = {
  name: 'miss-cpu-slabs',
  summary: 'a flush sees no CPU’s slabs, and a shutdown no slabs that are left',
  mutation: true,
  breaks: 'SLUB-6',
  apply: (kernel) => {
    wrapHandler<{ cache: Handle }, boolean[]>(
      kernel,
      hasCpuSlab.name,
      () => (node) => node.allWords().map(() => false),
    );
    wrapHandler<{ cache: Handle }, SlubCounts>(kernel, countSlabs.name, (count) => (node, args, context) => ({
      ...count(node, args, context),
      slabs: 0,
      partial: 0,
    }));
  },
};

/** Directories of children go by the name of their root; from 4.12 on they have some only then. */
function sameDirectory({ policies: { slub } }: KernelBuild): void {
  const { directoryOf } = slub;
  slub.directoryOf = (cpu, cache) => {
    const own = directoryOf(cpu, cache) ?? directoryBelowRoot(cpu, cache);
    return cache.root === 0 || own === null ? own : { ...own, path: own.path.replace(/\([^/]*$/, '') };
  };
}

/** Root caches that are made when the machine has booted want the directory of one that is there already. */
function takenDirectory({ policies: { slub } }: KernelBuild): void {
  const { directoryOf } = slub;
  slub.directoryOf = (cpu, cache) => {
    const own = directoryOf(cpu, cache);
    return cache.root === 0 && own !== null && cpu.published.slabFull ? { ...own, path: 'dentry' } : own;
  };
}

function addRegardless(kernel: KernelBuild): void {
  type Directory = { cache: Handle; memcg: Handle; path: string; link: string };
  wrapHandler<Directory, Handle>(kernel, 'sysfs.add', (add) => (node, args, context) => {
    add(node, args, context);
    return 0;
  });
}

export const ignoreNameClash: Patch = {
  name: 'ignore-name-clash',
  summary: 'the children of a root all get the same directory, and nobody looks whether it could be added',
  mutation: true,
  breaks: 'SLUB-7',
  appliesTo: to53,
  apply: (kernel) => {
    sameDirectory(kernel);
    addRegardless(kernel);
  },
};

export const ignoreTakenName: Patch = {
  name: 'ignore-taken-name',
  summary: 'a new root cache gets the directory of the dentry cache, and nobody looks whether it could be added',
  mutation: true,
  breaks: 'SLUB-7',
  apply: (kernel) => {
    takenDirectory(kernel);
    addRegardless(kernel);
  },
};

export const oneNameForAll: Patch = {
  name: 'one-name-for-all',
  summary: 'the children of a root all want the same directory, so that only the first of them can be made',
  mutation: true,
  breaks: 'SLUB-8',
  appliesTo: to53,
  apply: (kernel) => sameDirectory(kernel),
};

export const wantTakenName: Patch = {
  name: 'want-taken-name',
  summary: 'a new root cache wants the directory of the dentry cache, so that it cannot be made',
  mutation: true,
  breaks: 'SLUB-8',
  apply: takenDirectory,
};
