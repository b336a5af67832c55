import { call } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { overlapCalls } from './overlapping-calls.js';

export const dropCsd: Patch = {
  name: 'drop-csd',
  summary: 'the call-function handler forgets the last csd that it took off its queue',
  mutation: true,
  breaks: 'SMP-1',
  apply: ({ policies }) => {
    const { takeCalls } = policies.smp;
    policies.smp.takeCalls = (cpu) => takeCalls(cpu).slice(0, -1);
  },
};

export const lifoCallQueue: Patch = {
  name: 'lifo-call-queue',
  summary:
    'the call-function handler does not reverse the list that it took, so the latest csd runs first; calls are made to overlap',
  mutation: true,
  breaks: 'SMP-2',
  apply: (kernel) => {
    overlapCalls(kernel);
    const { takeCalls } = kernel.policies.smp;
    kernel.policies.smp.takeCalls = (cpu) => [...takeCalls(cpu)].reverse();
  },
};

export const reuseLockedCsd: Patch = {
  name: 'reuse-locked-csd',
  summary: 'a sender fills its csd for the next call without waiting for the last one; calls are made to overlap',
  mutation: true,
  breaks: 'SMP-8',
  apply: (kernel) => {
    overlapCalls(kernel);
    // biome-ignore lint/correctness/useYield: not waiting is the bug
    kernel.policies.smp.waitForCsd = function* withoutWaiting(cpu, waiter) {
      cpu.dropWaiter(waiter);
    };
  },
};

/** What each CPU was given with the call before. */
export const staleCsdData: Patch = {
  name: 'stale-csd-data',
  summary: 'a csd becomes visible in the queue before its data: the function gets what the last call passed',
  mutation: true,
  breaks: 'SMP-4',
  apply: ({ policies }) => {
    const { runCall } = policies.smp;
    const last = new Map<number, number>();
    policies.smp.runCall = function* runWithStaleData(cpu, csd) {
      const info = last.get(cpu.id) ?? csd.info;
      last.set(cpu.id, csd.info);
      yield* call(runCall, cpu, { ...csd, info });
    };
  },
};
