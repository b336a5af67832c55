import { type Coroutine, call } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { cssGet } from '../../cgroup/css-ref.js';
import { forceQuiescent } from '../../rcu/grace-period.js';
import { type GracePeriod, reportQuiescent, reportUp } from '../../rcu/quiescent.js';
import { queueNewWork } from '../../workqueue/workqueue.js';
import { to53 } from './applicable.js';
import { wrapHandler } from './wrap-handler.js';

export const withholdQuiescentState: Patch = {
  name: 'withhold-quiescent-state',
  summary: 'the last CPU never reports a quiescent state, and is not looked at while it is idle',
  mutation: true,
  shownBy: 'torture 1x1',
  breaks: 'RCU-10',
  apply: (kernel) => {
    wrapHandler<GracePeriod & { cpu: number }, void>(
      kernel,
      reportQuiescent.name,
      (report) => (node, args, context) => {
        if (args.cpu !== node.topology.cpuCount - 1) report(node, args, context);
      },
    );
    wrapHandler<GracePeriod, void>(kernel, forceQuiescent.name, () => (node, period, context) => {
      for (const leaf of node.rcu.of(period.flavour).leaves) {
        const { owing } = leaf;
        const idle = [...owing].filter(
          (cpu) => node.words(cpu).dynticks % 2 === 0 && cpu !== node.topology.cpuCount - 1,
        );
        for (const cpu of idle) owing.delete(cpu);
        if (idle.length > 0 && leaf.quiescent) reportUp(node, period, leaf, context);
      }
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
  appliesTo: to53,
  apply: ({ policies }) => {
    const { scheduleCreate } = policies.memcg;
    policies.memcg.scheduleCreate = function* takeTwo(cpu, memcg, root): Coroutine<void> {
      yield* call(cssGet, cpu, memcg);
      yield* call(scheduleCreate, cpu, memcg, root);
    };
  },
};
