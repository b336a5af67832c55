import type { Handle } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { insertWork, registerFlusher, workerThread } from '../../workqueue/pools.js';
import { attributesOf, type WorkqueueName } from '../../workqueue/queues.js';
import { wrapHandler } from './wrap-handler.js';

interface Insert {
  readonly queue: WorkqueueName;
  readonly cpu: number;
  readonly work: Handle;
}

const isOrdered = (queue: WorkqueueName): boolean => attributesOf(queue).type === 'ordered';

export const loseItem: Patch = {
  name: 'lose-item',
  summary: 'an item queued on an ordered workqueue while its worker is busy is lost',
  mutation: true,
  breaks: 'WQ-1',
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
  apply: (kernel) => {
    wrapHandler<Insert, void>(kernel, insertWork.name, (insert) => (node, args, context) => {
      const busy = node.pool(args.queue, args.cpu).active > 0;
      insert(node, args, context);
      if (busy && isOrdered(args.queue)) context.wakeThread(context.cpu, workerThread(args.queue), node.id);
    });
  },
};

export const flushWithoutWaiting: Patch = {
  name: 'flush-without-waiting',
  summary: 'flush_workqueue finds no pool to wait for',
  mutation: true,
  breaks: 'WQ-4',
  apply: (kernel) => {
    wrapHandler<{ queue: string; waiters: number[] }, number>(kernel, registerFlusher.name, () => () => 0);
  },
};
