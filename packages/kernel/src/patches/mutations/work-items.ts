import { type Handle, homeOf } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { clearPending, initWork, setPending } from '../../workqueue/items.js';
import { insertWork, isRunning } from '../../workqueue/pools.js';
import { wrapHandler } from './wrap-handler.js';

/** The work function that offlines a css. */
const OFFLINE = 'css_killed_work_fn';

export const runItemTwice: Patch = {
  name: 'run-item-twice',
  summary: 'the offline item of a css is handed to a worker of the next CPU, too, when its execution starts',
  mutation: true,
  breaks: 'WQ-2',
  apply: (kernel) => {
    type Init = { fn: string; data: number; once: boolean };
    wrapHandler<Init, Handle>(kernel, initWork.name, (init) => (node, args, context) => {
      return init(node, { ...args, once: args.once && args.fn !== OFFLINE }, context);
    });
    type Start = { work: Handle; cpu: number; queue: number };
    wrapHandler<Start, { fn: string; data: number }>(kernel, clearPending.name, (clear) => (node, args, context) => {
      const item = clear(node, args, context);
      const next = (args.cpu + 1) % node.topology.cpuCount;
      const again = { queue: 'cgroup_destroy' as const, cpu: next, work: args.work };
      if (item.fn === OFFLINE) context.post(node.topology.nodeOf(next), insertWork, again);
      return item;
    });
  },
};

/** The work function that creates a memcg cache. */
const CREATE = 'memcg_kmem_cache_create_func';

const freeItem = defineHandler('mutation.freeWork', (node, args: { work: Handle }, context): void => {
  if (node.works.peek(args.work)?.fn !== CREATE) return;
  node.trace(Trace.workFree, context.cpu, args.work, 0, 0, 0);
  node.works.release(args.work, context.step());
});

export const freeQueuedItem: Patch = {
  name: 'free-queued-item',
  summary: 'the item that creates a memcg cache is freed as soon as it is on the queue',
  mutation: true,
  breaks: 'WQ-5',
  apply: (kernel) => {
    wrapHandler<{ queue: string; work: Handle }, void>(kernel, insertWork.name, (insert) => (node, args, context) => {
      insert(node, args, context);
      if (args.queue.startsWith('memcg_kmem_cache')) context.post(homeOf(args.work), freeItem, { work: args.work });
    });
  },
};

export const queueOnNextCpu: Patch = {
  name: 'queue-on-next-cpu',
  summary: 'bound items are put on the pool of the next CPU, as if it were executing them',
  mutation: true,
  breaks: 'WQ-6',
  apply: (kernel) => {
    type Answer = { queued: boolean; lastCpu: number };
    wrapHandler<{ work: Handle; cpu: number }, Answer>(kernel, setPending.name, (set) => (node, args, context) => {
      const { queued } = set(node, args, context);
      return { queued, lastCpu: (context.cpu + 1) % node.topology.cpuCount };
    });
    wrapHandler<{ queue: string; cpu: number; work: Handle }, boolean>(kernel, isRunning.name, () => () => true);
  },
};
