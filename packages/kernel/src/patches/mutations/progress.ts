import { BOOT_NODE, type Coroutine, call } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { cssGet } from '../../cgroup/css-ref.js';
import { forceQuiescent } from '../../rcu/grace-period.js';
import { reportNode, reportQuiescent } from '../../rcu/quiescent.js';
import { queueNewWork } from '../../workqueue/workqueue.js';
import { wrapHandler } from './wrap-handler.js';

export const withholdQuiescentState: Patch = {
  name: 'withhold-quiescent-state',
  summary: 'the last CPU never reports a quiescent state, and is not looked at while it is idle',
  mutation: true,
  breaks: 'RCU-10',
  apply: (kernel) => {
    type Report = { gp: number; cpu: number };
    wrapHandler<Report, void>(kernel, reportQuiescent.name, (report) => (node, args, context) => {
      if (args.cpu !== node.topology.cpuCount - 1) report(node, args, context);
    });
    wrapHandler<{ gp: number }, void>(kernel, forceQuiescent.name, () => (node, { gp }, context) => {
      const { owing } = node.rcuLeaf;
      if (owing.size === 0) return;
      for (const cpu of [...owing]) {
        if (cpu !== node.topology.cpuCount - 1 && (node.words(cpu).dynticks & 1) === 0) owing.delete(cpu);
      }
      if (owing.size === 0) context.post(BOOT_NODE, reportNode, { gp, node: node.id });
    });
  },
};

/** The work function that offlines a css. */
const OFFLINE = 'css_killed_work_fn';

export const requeueForEver: Patch = {
  name: 'requeue-for-ever',
  summary: 'the work item that offlines a css puts itself off each time, by queueing itself again',
  mutation: true,
  breaks: 'livelock',
  apply: ({ functions }) => {
    functions.replaceFunction(
      'work',
      OFFLINE,
      () =>
        function* putOff(cpu, css): Coroutine<void> {
          yield* call(queueNewWork, cpu, 'cgroup_destroy', OFFLINE, css);
        },
    );
  },
};

export const leakCssReference: Patch = {
  name: 'leak-css-reference',
  summary: 'scheduling the creation of a memcg cache takes two references on the memcg, of which one is put',
  mutation: true,
  breaks: 'leak',
  apply: ({ policies }) => {
    const { scheduleCreate } = policies.memcg;
    policies.memcg.scheduleCreate = function* takeTwo(cpu, memcg, root): Coroutine<void> {
      yield* call(cssGet, cpu, memcg);
      yield* call(scheduleCreate, cpu, memcg, root);
    };
  },
};
