import type { Handle } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { workerThread } from '../../workqueue/unbound.js';
import { wrapHandler } from './wrap-handler.js';

interface Insert {
  readonly queue: string;
  readonly work: Handle;
}

export const loseItem: Patch = {
  name: 'lose-item',
  summary: 'an item queued on an ordered workqueue while its worker is busy is lost',
  mutation: true,
  breaks: 'WQ-1',
  apply: (kernel) => {
    wrapHandler<Insert, void>(kernel, 'wq.insertUnbound', (insert) => (node, args, context) => {
      if (node.unboundPool(args.queue).active === 0) insert(node, args, context);
    });
  },
};

export const secondOrderedWorker: Patch = {
  name: 'second-ordered-worker',
  summary: 'an ordered workqueue wakes a worker for each item, also while one is busy',
  mutation: true,
  breaks: 'WQ-3',
  apply: (kernel) => {
    wrapHandler<Insert, void>(kernel, 'wq.insertUnbound', (insert) => (node, args, context) => {
      const busy = node.unboundPool(args.queue).active > 0;
      insert(node, args, context);
      if (busy) context.wakeThread(context.cpu, workerThread(args.queue), node.id);
    });
  },
};

export const flushWithoutWaiting: Patch = {
  name: 'flush-without-waiting',
  summary: 'flush_workqueue finds no pool to wait for',
  mutation: true,
  breaks: 'WQ-4',
  apply: (kernel) => {
    wrapHandler<{ queue: string; waiters: number[] }, number>(kernel, 'wq.registerFlusher', () => () => 0);
  },
};
