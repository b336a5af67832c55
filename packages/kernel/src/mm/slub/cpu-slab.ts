import { actorOf, type Coroutine, call, type Handle, request, type Step, VerdictError } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { defineHandler } from '../../registry.js';
import type { KmemCacheCpu } from './kmem-cache-cpu.js';
import type { Retention } from './page-handlers.js';

const freedStep = defineHandler(
  'slub.freedStep',
  (node, args: { cache: Handle }): Step | null => node.slub.freedStep(args.cache) ?? null,
);

/** raw_cpu_ptr(s->cpu_slab): this CPU's part of a cache. The run ends with a verdict if it was freed. */
export function* thisCpuSlab(cpu: Cpu, cache: Handle): Coroutine<KmemCacheCpu> {
  return cpu.ownWords.cpuSlabs.get(cache) ?? (yield* call(useAfterFree, cpu, cache));
}

/** The CPU is about to use its part of a cache that has none any more. */
export function* useAfterFree(cpu: Cpu, cache: Handle): Coroutine<never> {
  const [, ...stack] = cpu.step().stack ?? [];
  const now = { ...cpu.step(), function: stack[0] ?? 'idle', stack };
  const freed = yield* request(cpu.node, freedStep, { cache });
  throw new VerdictError({
    class: 'use-after-free',
    id: 'use-after-free',
    object: `kmem_cache_cpu of cache ${cache.toString(16)}`,
    ...(freed !== null && { owner: actorOf(freed) }),
    steps: freed === null ? [now] : [freed, now],
    detail: 'the CPU uses its part of a cache that has been freed',
  });
}

/** How this version keeps empty slabs, as page operations are told. */
export const retentionOf = (cpu: Cpu): Retention => ({ keepsOneMore: cpu.build.policies.slub.keepsOneMore });
