import { type Coroutine, call, post } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import type { Cpu } from '../../cpu.js';
import { csdUnlock } from '../../smp/handlers.js';
import { kickAllCpusSync } from '../../smp/kick.js';
import { wrapHandler } from './wrap-handler.js';

export const unlockBeforeRun: Patch = {
  name: 'unlock-before-run',
  summary: 'a synchronous csd is released before its function runs, so the sender does not wait for the function',
  mutation: true,
  shownBy: 'rcutorture 2x2',
  breaks: 'SMP-3',
  apply: ({ policies }) => {
    const { runCall } = policies.smp;
    policies.smp.runCall = function* unlockThenRun(cpu, csd) {
      const now = cpu.now();
      const args = { waiter: csd.waiter, target: cpu.id, raised: now, entered: now, done: now };
      yield* post(cpu.nodeOf(csd.sender), csdUnlock, args);
      yield* call(runCall, cpu, csd);
    };
  },
};

interface Unlock {
  readonly waiter: number;
  readonly target: number;
  readonly raised: number;
  readonly entered: number;
  readonly done: number;
}

export const unlockWithoutRelease: Patch = {
  name: 'unlock-without-release',
  summary: 'a csd is released without a barrier: what its target wrote before is not visible to the sender',
  mutation: true,
  breaks: 'SMP-4',
  apply: (kernel) => {
    wrapHandler<Unlock, void>(kernel, csdUnlock.name, (unlock) => (node, args, context) => {
      unlock(node, { ...args, raised: 0, entered: 0, done: 0 }, context);
    });
  },
};

export const forgetLastCpu: Patch = {
  name: 'forget-last-cpu',
  summary: 'calls to all CPUs leave out the last one that is online',
  mutation: true,
  shownBy: 'tune-slabinfo 2x2',
  breaks: 'SMP-5',
  apply: ({ policies }) => {
    policies.smp.everyone = (cpu) => cpu.published.onlineCpus().slice(0, -1);
  },
};

function* kickWithInterruptsOff(cpu: Cpu): Coroutine<void> {
  const saved = cpu.irqSave();
  yield* call(kickAllCpusSync, cpu);
  cpu.irqRestore(saved);
}

export const kickIrqsOff: Patch = {
  name: 'kick-irqs-off',
  summary: 'kick all CPUs and wait for them with interrupts off: two such callers wait for each other for ever',
  mutation: true,
  breaks: 'SMP-9',
  apply: ({ policies }) => {
    policies.slab.afterPublish = kickWithInterruptsOff;
  },
};
