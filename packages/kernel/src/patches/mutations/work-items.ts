import { type Handle, homeOf } from '@kmemlab/machine';
import type { KernelBuild, Patch } from '../../build.js';
import { defineHandler } from '../../registry.js';
import { Trace } from '../../tracepoints.js';
import { clearPending, initWork, setPending } from '../../workqueue/items.js';
import { insertWork, isRunning } from '../../workqueue/pools.js';
import type { WorkqueueName } from '../../workqueue/queues.js';
import { to53 } from './applicable.js';
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

/** The work functions that create a memcg cache: in 3.14, and later. */
const CREATE = ['memcg_create_cache_work_func', 'memcg_kmem_cache_create_func'];

interface Insert {
  readonly queue: WorkqueueName;
  readonly work: Handle;
}

const freeItem = defineHandler(
  'mutation.freeWork',
  (node, args: { work: Handle; fns: readonly string[] }, context): void => {
    const item = node.works.peek(args.work);
    if (item === undefined || !args.fns.includes(item.fn)) return;
    node.trace(Trace.workFree, context.cpu, args.work, 0, 0, 0);
    node.works.release(args.work, context.step());
  },
);

/** Free the items with these functions as soon as they are on the queue. */
function freeQueued(kernel: KernelBuild, queue: () => WorkqueueName | null, fns: readonly string[]): void {
  wrapHandler<Insert, void>(kernel, insertWork.name, (insert) => (node, args, context) => {
    insert(node, args, context);
    if (args.queue === queue()) context.post(homeOf(args.work), freeItem, { work: args.work, fns });
  });
}

export const freeQueuedItem: Patch = {
  name: 'free-queued-item',
  summary: 'the item that creates a memcg cache is freed as soon as it is on the queue',
  mutation: true,
  breaks: 'WQ-5',
  appliesTo: to53,
  apply: (kernel) => freeQueued(kernel, () => kernel.policies.memcg.creationQueue, CREATE),
};

export const freeOfflineItem: Patch = {
  name: 'free-offline-item',
  summary: 'the item that offlines a css is freed as soon as it is on the queue',
  mutation: true,
  breaks: 'WQ-5',
  apply: (kernel) => freeQueued(kernel, () => 'cgroup_destroy', [OFFLINE]),
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
