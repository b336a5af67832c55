import { type Handle, homeOf, type ObjectRef } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { freeBlock, refill } from '../../mm/slab/node-handlers.js';
import type { DetachedSlab, Tunables } from '../../mm/slab/types.js';
import { CacheField } from '../../published-state.js';
import { from410 } from './applicable.js';
import { wrapHandler } from './wrap-handler.js';

export const loseDrainedObject: Patch = {
  name: 'lose-drained-object',
  summary: 'free_block stops one object short of the block that it is given',
  mutation: true,
  breaks: 'SLAB-1',
  apply: (kernel) => {
    type Block = { cache: Handle; objects: ObjectRef[] };
    wrapHandler<Block, DetachedSlab[]>(
      kernel,
      freeBlock.name,
      (free) => (node, args, context) => free(node, { ...args, objects: args.objects.slice(1) }, context),
    );
  },
};

interface Refill {
  readonly cache: Handle;
  readonly want: number;
}

export const miscountFreeObjects: Patch = {
  name: 'miscount-free-objects',
  summary: 'a refill subtracts one object too few from free_objects',
  mutation: true,
  breaks: 'SLAB-2',
  apply: (kernel) => {
    wrapHandler<Refill, ObjectRef[]>(kernel, refill.name, (fill) => (node, args, context) => {
      const objects = fill(node, args, context);
      if (objects.length > 0) node.slabNode(args.cache, context.step).freeObjects++;
      return objects;
    });
  },
};

export const handOutTwice: Patch = {
  name: 'hand-out-twice',
  summary: 'a refill puts one object into the array twice',
  mutation: true,
  breaks: 'SLAB-3',
  apply: (kernel) => {
    wrapHandler<Refill, ObjectRef[]>(kernel, refill.name, (fill) => (node, args, context) => {
      const objects = fill(node, args, context);
      return objects.length > 1 ? [...objects.slice(1), ...objects.slice(-1)] : objects;
    });
  },
};

export const publishLate: Patch = {
  name: 'publish-late',
  summary: 'the kick after a new cpu_cache pointer comes before other nodes can see the pointer',
  mutation: true,
  breaks: 'SMP-4',
  appliesTo: from410,
  apply: (kernel) => {
    type Publish = { cache: Handle; set: Handle; tunables: Tunables };
    wrapHandler<Publish, void>(kernel, 'slab.publishSet', (publish) => (node, args, context) => {
      const replaces = node.published.caches.read(args.cache, CacheField.cpuCache) !== 0;
      if (node.published.slabFull && replaces && node.id !== homeOf(args.set)) return;
      publish(node, args, context);
    });
  },
};
