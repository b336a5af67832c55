import { type Coroutine, call, type Handle } from '@kmemlab/machine';
import type { KernelBuild, Patch } from '../../build.js';
import { cssGet, cssPut, cssRefs, cssTrygetOnline } from '../../cgroup/css-ref.js';
import { mutexLock, mutexUnlock } from '../../locking/mutex.js';
import { cacheRefs } from '../../mm/memcontrol/cache-refs.js';
import { objcgRefs } from '../../mm/memcontrol/obj-cgroup.js';
import { type RefOwner, refOwners } from '../../percpu-ref/counters.js';
import {
  collectPercpu,
  exitRef,
  finishSwitch,
  killShared,
  percpuRefExit,
  publishAtomic,
  putShared,
  REF_BIAS,
} from '../../percpu-ref/percpu-ref.js';
import { from410, from410To52, to53 } from './applicable.js';
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
  // 3.14 has no such item.
  appliesTo: from410,
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

export const getBeforeFree: Patch = {
  name: 'get-before-free',
  summary: 'the item that frees a css takes a reference on it first',
  mutation: true,
  breaks: 'REF-2',
  apply: ({ functions }) => {
    functions.replaceFunction(
      'work',
      'css_free_work_fn',
      (free) =>
        function* getAndFree(cpu, css): Coroutine<void> {
          yield* call(cssGet, cpu, css);
          yield* call(free, cpu, css);
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
  // From 5.3 on, the switch has freed them by then.
  appliesTo: from410To52,
  apply: ({ policies }) => {
    const { offline } = policies.memcg;
    policies.memcg.offline = function* exitAndOffline(cpu, css): Coroutine<void> {
      yield* call(percpuRefExit, cssRefs, css);
      yield* call(offline, cpu, css);
    };
  },
};

export const exitAtKill: Patch = {
  name: 'exit-at-kill',
  summary: 'the kill of a css frees its per-CPU counters, whose switch to atomic mode only begins then',
  mutation: true,
  breaks: 'REF-5',
  apply: (kernel) => {
    wrapHandler<RefName, void>(kernel, killShared.name, (kill) => (node, args, context) => {
      kill(node, args, context);
      if (args.owner === 'css') exitRef(node, args.owner, args.object, context);
    });
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

/** Nothing comes of the last put of a killed reference. */
const loseReleaseOf =
  (release: string): Patch['apply'] =>
  ({ functions }) =>
    functions.replaceFunction('release', release, () => function* nothing() {});

export const loseCacheRelease: Patch = {
  name: 'lose-cache-release',
  summary: 'the last put of a memcg cache does nothing: the cache is never shut down',
  mutation: true,
  breaks: 'REF-1',
  appliesTo: ['v5.3'],
  apply: loseReleaseOf(cacheRefs.release),
};

export const loseObjcgRelease: Patch = {
  name: 'lose-objcg-release',
  summary: 'the last put of an obj_cgroup does nothing: it stays, and so does the memcg that has inherited it',
  mutation: true,
  breaks: 'REF-1',
  appliesTo: ['v5.9'],
  apply: loseReleaseOf(objcgRefs.release),
};

export const loseCacheKill: Patch = {
  name: 'lose-cache-kill',
  summary: 'a cache that has left its slot is not killed after the grace period: it keeps its first reference',
  mutation: true,
  breaks: 'REF-1',
  appliesTo: ['v5.3'],
  apply: ({ functions }) => {
    functions.replaceFunction('rcu', 'kmemcg_rcufn', () => function* nothing() {});
  },
};

/** @param owners whose counters stay as they are */
function countAgain(kernel: KernelBuild, owners: readonly RefOwner[]): void {
  wrapHandler<RefName, number>(kernel, collectPercpu.name, (collect) => (node, args, context) => {
    const { owner, object } = args;
    if (!owners.includes(owner)) return collect(node, args, context);
    return node.allWords().reduce((sum, { refs }) => sum + refs[owner].peek(object), 0);
  });
}

export const countTwice: Patch = {
  name: 'count-twice',
  summary: 'the switch to atomic mode sums up the per-CPU counters and leaves them as they are',
  mutation: true,
  breaks: 'REF-7',
  appliesTo: to53,
  apply: (kernel) => countAgain(kernel, refOwners),
};

/** Bringing a memcg online takes a reference on it that nobody holds. */
function getForever({ policies }: KernelBuild): void {
  const { online } = policies.memcg;
  policies.memcg.online = function* onlineAndGet(cpu, css): Coroutine<void> {
    yield* call(online, cpu, css);
    yield* call(cssGet, cpu, css);
  };
}

export const getForNobody: Patch = {
  name: 'get-for-nobody',
  summary: 'bringing a memcg online takes a reference on it that nobody holds',
  mutation: true,
  breaks: 'leak',
  apply: getForever,
};

export const countLeakedTwice: Patch = {
  name: 'count-leaked-twice',
  summary: 'the switch of a css sums up its counters and leaves them; for it to be there still, a reference is leaked',
  mutation: true,
  breaks: 'REF-7',
  // Elsewhere, pages hold a css (count-twice).
  appliesTo: ['v5.9'],
  apply: (kernel) => {
    countAgain(kernel, ['css']);
    getForever(kernel);
  },
};
