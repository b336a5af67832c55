import { type Coroutine, call } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { forceQuiescent, startAtLeaf } from '../../rcu/grace-period.js';
import { type GracePeriod, reportUp } from '../../rcu/quiescent.js';
import { rcuReadLock } from '../../rcu/read.js';
import { Trace } from '../../tracepoints.js';
import { to53 } from './applicable.js';
import { wrapHandler } from './wrap-handler.js';

export const forgetLastReader: Patch = {
  name: 'forget-last-reader',
  summary: 'grace periods do not wait for the last CPU',
  mutation: true,
  breaks: 'RCU-3',
  apply: (kernel) => {
    wrapHandler<GracePeriod, void>(kernel, startAtLeaf.name, (start) => (node, period, context) => {
      start(node, period, context);
      const last = node.topology.cpuCount - 1;
      if (node.topology.nodeOf(last) !== node.id) return;
      const leaf = node.rcu.of(period.flavour).leafOf(last);
      if (leaf.owing.delete(last) && leaf.quiescent) reportUp(node, period, leaf, context);
    });
  },
};

export const blindScan: Patch = {
  name: 'blind-scan',
  summary: 'the scans for quiescent states do not see that a CPU is idle',
  mutation: true,
  breaks: 'RCU-4',
  apply: (kernel) => {
    wrapHandler<GracePeriod, void>(kernel, forceQuiescent.name, () => (node, { flavour, gp }, context) => {
      if (node.rcuNumbers.started(flavour) === gp) node.trace(Trace.rcuScan, context.cpu, flavour, gp, node.id, 0);
    });
  },
};

export const synchronizeAtOnce: Patch = {
  name: 'synchronize-at-once',
  summary: 'synchronize_sched and synchronize_rcu return without waiting for a grace period',
  mutation: true,
  shownBy: 'rcutorture 2x2',
  breaks: 'RCU-7',
  apply: ({ policies }) => {
    policies.rcu.waitForGracePeriod = function* returnAtOnce() {};
  },
};

export const leakReadLock: Patch = {
  name: 'leak-read-lock',
  summary: 'the lookup of a memcg cache that does not exist returns without rcu_read_unlock',
  mutation: true,
  shownBy: 'avoid-ipis 2x2',
  breaks: 'RCU-9',
  config: 'preempt',
  appliesTo: to53,
  apply: ({ policies }) => {
    const { scheduleCreate } = policies.memcg;
    policies.memcg.scheduleCreate = function* withoutUnlock(cpu, memcg, root): Coroutine<void> {
      rcuReadLock(cpu);
      yield* scheduleCreate(cpu, memcg, root);
    };
  },
};

export const leakReadLockOnline: Patch = {
  name: 'leak-read-lock-online',
  summary: 'bringing a memcg online returns without rcu_read_unlock',
  mutation: true,
  shownBy: 'avoid-ipis 2x2',
  breaks: 'RCU-9',
  config: 'preempt',
  // Elsewhere, caches are looked up (leak-read-lock).
  appliesTo: ['v5.9'],
  apply: ({ policies }) => {
    const { online } = policies.memcg;
    policies.memcg.online = function* onlineAndRead(cpu, memcg): Coroutine<void> {
      yield* call(online, cpu, memcg);
      rcuReadLock(cpu);
    };
  },
};
