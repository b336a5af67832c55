import type { KernelBuild, Patch, PatchOption, PatchOptionValues } from '../build.js';
import { mergedCountedCaches, postedCountedCaches } from '../mm/memcontrol/counted-caches.js';

const tryget = {
  kind: 'choice',
  values: ['plain', 'live'],
  default: 'plain',
  summary: 'how the lookup takes its reference: percpu_ref_tryget, or percpu_ref_tryget_live as the review has it',
} as const satisfies PatchOption;

const lookup = {
  kind: 'choice',
  values: ['lock', 'unlock'],
  default: 'lock',
  summary: 'how the lookup leaves its read section: as posted (V5p-a), or mended, so that others are seen with preempt',
} as const satisfies PatchOption;

/** The lookup as the options say. */
function choose({ policies: { memcg } }: KernelBuild, { tryget, lookup: leaveLookup }: PatchOptionValues): void {
  const chosen = { ...(tryget === 'live' && { tryget }), ...(leaveLookup === 'unlock' && { leaveLookup }) };
  Object.assign(memcg, { lifecycle: { ...memcg.lifecycle, ...chosen } });
}

export const percpuRefLifecycle: Patch = {
  name: 'percpu-ref-lifecycle',
  summary: 'pages hold their cache by a percpu_ref, and a dying memcg hands its caches to its parent; as merged in 5.3',
  mail: 'Roman Gushchin, linux-mm, 2019: "mm: reparent slab memory on cgroup removal"; in 5.3',
  appliesTo: ['v5.2'],
  decides: 'what holds a cache of a memcg',
  options: { tryget },
  apply: (kernel, _api, options) => {
    Object.assign(kernel.policies, mergedCountedCaches(kernel.policies));
    choose(kernel, options);
  },
};

export const percpuRefLifecycleV4: Patch = {
  name: 'percpu-ref-lifecycle-v4',
  summary: 'the same as v4 of the series had it when it was posted, with its defects V5p-a to V5p-h',
  mail: 'Roman Gushchin, linux-mm, May 2019: "[PATCH v4 5/7] mm: rework non-root kmem_cache lifecycle management"',
  appliesTo: ['v5.2'],
  decides: 'what holds a cache of a memcg',
  options: { tryget, lookup },
  apply: (kernel, _api, options) => {
    Object.assign(kernel.policies, postedCountedCaches(kernel.policies));
    choose(kernel, options);
  },
};
