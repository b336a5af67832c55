import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { cssGet, cssPut, cssRefs, cssTrygetOnline } from '../../cgroup/css-ref.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import type { RefOwner } from '../../percpu-ref/counters.js';
import {
  collectPercpu,
  finishSwitch,
  killShared,
  percpuRefExit,
  publishAtomic,
  putShared,
  REF_BIAS,
} from '../../percpu-ref/percpu-ref.js';
import { wrapHandler } from './wrap-handler.js';

/** What messages about a percpu_ref carry. */
interface RefName {
  readonly owner: RefOwner;
  readonly object: Handle;
}

export const releaseTooEarly: Patch = {
  name: 'release-too-early',
  summary: 'a css is also released by the put that leaves one reference',
  mutation: true,
  breaks: 'REF-1',
  apply: (kernel) => {
    wrapHandler<RefName & { n: number }, boolean>(kernel, putShared.name, (put) => (node, args, context) => {
      const last = put(node, args, context);
      return last || (args.owner === 'css' && node.csses.peek(args.object)?.ref.count === 1);
    });
  },
};

export const getAfterRelease: Patch = {
  name: 'get-after-release',
  summary: 'the item that releases a css takes a reference on it first',
  mutation: true,
  breaks: 'REF-2',
  apply: ({ functions }) => {
    functions.replaceFunction(
      'work',
      'css_release_work_fn',
      (release) =>
        function* getAndRelease(cpu, css): Coroutine<void> {
          yield* call(cssGet, cpu, css);
          yield* call(release, cpu, css);
        },
    );
  },
};

export const killWithoutBias: Patch = {
  name: 'kill-without-bias',
  summary: 'the kill of a css takes the bias off its shared count at once, and no reference for the time of the switch',
  mutation: true,
  breaks: 'REF-3',
  apply: (kernel) => {
    wrapHandler<RefName, void>(kernel, killShared.name, (kill) => (node, args, context) => {
      kill(node, args, context);
      const css = args.owner === 'css' ? node.csses.peek(args.object) : undefined;
      if (css !== undefined) css.ref.count -= REF_BIAS + 1;
    });
    type Finish = RefName & { sum: number; exit: boolean };
    wrapHandler<Finish, void>(kernel, finishSwitch.name, (finish) => (node, args, context) => {
      finish(node, args.owner === 'css' ? { ...args, sum: args.sum + REF_BIAS + 1 } : args, context);
    });
  },
};

export const liveAfterConfirm: Patch = {
  name: 'live-after-confirm',
  summary: 'no CPU is told that a css was killed, and its offline step takes a live reference for itself',
  mutation: true,
  breaks: 'REF-4',
  apply: (kernel) => {
    wrapHandler<RefName, void>(kernel, publishAtomic.name, (publish) => (node, args, context) => {
      if (args.owner !== 'css') publish(node, args, context);
    });
    const { memcg } = kernel.policies;
    const { offline } = memcg;
    memcg.offline = function* offlineWithReference(cpu, css): Coroutine<void> {
      const live = yield* call(cssTrygetOnline, cpu, css);
      yield* call(offline, cpu, css);
      if (live) yield* call(cssPut, cpu, css);
    };
  },
};

export const exitAtOffline: Patch = {
  name: 'exit-at-offline',
  summary: 'the per-CPU counters of a css are freed when it goes offline, by percpu_ref_exit',
  mutation: true,
  breaks: 'REF-5',
  appliesTo: ['v4.10', 'v4.12', 'v5.2'],
  apply: ({ policies }) => {
    const { offline } = policies.memcg;
    policies.memcg.offline = function* exitAndOffline(cpu, css): Coroutine<void> {
      yield* call(percpuRefExit, cssRefs, css);
      yield* call(offline, cpu, css);
    };
  },
};

export const releaseSleeps: Patch = {
  name: 'release-sleeps',
  summary: 'the release function of a css takes cgroup_mutex',
  mutation: true,
  breaks: 'REF-6',
  apply: ({ functions }) => {
    functions.replaceFunction(
      'release',
      'css_release',
      (release) =>
        function* releaseUnderMutex(cpu, css): Coroutine<void> {
          yield* call(mutexLock, cpu, 'cgroup_mutex');
          yield* call(release, cpu, css);
          yield* call(mutexUnlock, cpu, 'cgroup_mutex');
        },
    );
  },
};

export const countTwice: Patch = {
  name: 'count-twice',
  summary: 'the switch to atomic mode sums up the per-CPU counters and leaves them as they are',
  mutation: true,
  breaks: 'REF-7',
  apply: (kernel) => {
    wrapHandler<RefName, number>(
      kernel,
      collectPercpu.name,
      () =>
        (node, { owner, object }) =>
          node.allWords().reduce((sum, { refs }) => sum + refs[owner].peek(object), 0),
    );
  },
};
