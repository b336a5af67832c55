import type { Handle } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import type { KernelNode } from '../../node.js';
import { insertWork, registerFlusher, workerThread } from '../../workqueue/pools.js';
import { attributesOf, type WorkqueueName } from '../../workqueue/queues.js';
import { to53 } from './applicable.js';
import { wrapHandler } from './wrap-handler.js';

interface Insert {
  readonly queue: WorkqueueName;
  readonly cpu: number;
  readonly work: Handle;
}

/** Versions with an ordered workqueue. */
const ordered = ['v4.10'];

const isOrdered = (queue: WorkqueueName): boolean => attributesOf(queue).type === 'ordered';

export const loseItem: Patch = {
  name: 'lose-item',
  summary: 'an item queued on an ordered workqueue while its worker is busy is lost',
  mutation: true,
  breaks: 'WQ-1',
  appliesTo: ordered,
  apply: (kernel) => {
    wrapHandler<Insert, void>(kernel, insertWork.name, (insert) => (node, args, context) => {
      const busy = node.pool(args.queue, args.cpu).active > 0;
      if (!isOrdered(args.queue) || !busy) insert(node, args, context);
    });
  },
};

export const secondOrderedWorker: Patch = {
  name: 'second-ordered-worker',
  summary: 'an ordered workqueue wakes a worker for each item, also while one is busy',
  mutation: true,
  breaks: 'WQ-3',
  appliesTo: ordered,
  apply: (kernel) => {
    wrapHandler<Insert, void>(kernel, insertWork.name, (insert) => (node, args, context) => {
      const busy = node.pool(args.queue, args.cpu).active > 0;
      insert(node, args, context);
      if (busy && isOrdered(args.queue)) context.wakeThread(context.cpu, workerThread(args.queue), node.id);
    });
  },
};

/** As many items as a bound workqueue allows run on a CPU. */
function isFull(node: KernelNode, { queue, cpu }: Insert): boolean {
  const { type, maxActive } = attributesOf(queue);
  return type === 'bound' && node.pool(queue, cpu).active >= maxActive;
}

export const loseWaitingItem: Patch = {
  name: 'lose-waiting-item',
  summary: 'an item queued on a bound workqueue while max_active of it run on the CPU is lost',
  mutation: true,
  breaks: 'WQ-1',
  apply: (kernel) => {
    wrapHandler<Insert, void>(kernel, insertWork.name, (insert) => (node, args, context) => {
      if (!isFull(node, args)) insert(node, args, context);
    });
  },
};

export const ignoreMaxActive: Patch = {
  name: 'ignore-max-active',
  summary: 'a bound workqueue wakes a worker for each item, also while max_active of it run on the CPU',
  mutation: true,
  breaks: 'WQ-3',
  apply: (kernel) => {
    wrapHandler<Insert, void>(kernel, insertWork.name, (insert) => (node, args, context) => {
      const full = isFull(node, args);
      insert(node, args, context);
      if (!full) return;
      node.pool(args.queue, args.cpu).active++;
      context.wakeThread(args.cpu, workerThread(args.queue), args.cpu);
    });
  },
};

export const flushWithoutWaiting: Patch = {
  name: 'flush-without-waiting',
  summary: 'flush_workqueue finds no pool to wait for',
  mutation: true,
  breaks: 'WQ-4',
  // 5.9 flushes no workqueue.
  appliesTo: to53,
  apply: (kernel) => {
    wrapHandler<{ queue: string; waiters: number[] }, number>(kernel, registerFlusher.name, () => () => 0);
  },
};
