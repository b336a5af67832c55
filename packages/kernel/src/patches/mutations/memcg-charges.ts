import type { Handle } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { tryChargeLevel, unchargeLevel } from '../../mm/memcontrol/page-counter.js';
import type { CounterName } from '../../mm/memcontrol/types.js';
import { from410, from410To52 } from './applicable.js';
import { wrapHandler } from './wrap-handler.js';

export const ignoreKmem: Patch = {
  name: 'ignore-kmem',
  summary: 'the kmem counters of all memcgs stay as they are, whatever is charged',
  mutation: true,
  breaks: 'MEMCG-1',
  appliesTo: from410To52,
  apply: (kernel) => {
    type Change = { css: Handle; counter: CounterName; pages: number };
    for (const { name } of [tryChargeLevel, unchargeLevel]) {
      wrapHandler<Change, unknown>(kernel, name, (change) => (node, args, context) => {
        const pages = args.counter === 'kmem' ? 0 : args.pages;
        return change(node, { ...args, pages }, context);
      });
    }
  },
};

export const loseSlabStatistics: Patch = {
  name: 'lose-slab-statistics',
  summary: 'what a CPU passes on of its slab statistics reaches no memcg',
  mutation: true,
  breaks: 'MEMCG-2',
  appliesTo: from410To52,
  apply: (kernel) => {
    kernel.policies.reclaim.statBatch = 0;
    type Change = { pages: number };
    wrapHandler<Change, Handle>(
      kernel,
      'lruvec.add',
      (add) => (node, args, context) => add(node, { ...args, pages: 0 }, context),
    );
  },
};

export const forgetMemcgCaches: Patch = {
  name: 'forget-memcg-caches',
  summary: 'freeing a memcg leaves its caches where they are',
  mutation: true,
  breaks: 'MEMCG-3',
  appliesTo: from410To52,
  apply: ({ policies }) => {
    policies.memcg.free = function* freeNothing() {};
  },
};

export const keepListLrus: Patch = {
  name: 'keep-list-lrus',
  summary: 'the LRU lists of a memcg that goes offline stay where they are, while its id is given away',
  mutation: true,
  breaks: 'MEMCG-4',
  // In 3.14 all memcgs share the lists.
  appliesTo: from410,
  apply: (kernel) => {
    wrapHandler<unknown, void>(kernel, 'listLru.drain', () => () => {});
  },
};
