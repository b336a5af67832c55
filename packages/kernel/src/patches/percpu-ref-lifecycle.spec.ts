import { describe, expect, it } from 'vitest';
import { defaultConfig, KernelBuild, type Policies } from '../build.js';
import { v52 } from '../versions/v5.2.js';
import { v53 } from '../versions/v5.3.js';
import { percpuRefLifecycle, percpuRefLifecycleV4 } from './percpu-ref-lifecycle.js';

/** Policies by what they are: functions that a version makes for each configuration count by their text. */
const stated = (policies: Policies): unknown =>
  JSON.parse(
    JSON.stringify(policies, (_key, value) => (typeof value === 'function' ? `${value.name} ${value}` : value)),
  );

describe.each(['slab', 'slub'] as const)('with %s', (allocator) => {
  const config = { ...defaultConfig, allocator };
  const built = (...patches: ConstructorParameters<typeof KernelBuild>[1]): Policies =>
    new KernelBuild(v52, patches, config).policies;

  it('the merged patch makes 5.3 of 5.2', () => {
    expect(stated(built(percpuRefLifecycle))).toEqual(stated(new KernelBuild(v53, [], config).policies));
  });

  it('the posted one differs from it, also in what it leaves as it is in 5.2', () => {
    const { memcg, percpuRef } = built(percpuRefLifecycleV4);
    expect(memcg.refuseCreation).toBe(built().memcg.refuseCreation);
    expect(percpuRef).toEqual(built().percpuRef);
    expect(memcg.lifecycle).toMatchObject({ leaveLookup: 'lock', wqLock: 'plain', clearsWorkFn: true });
  });

  it.each([percpuRefLifecycle, percpuRefLifecycleV4])(
    '$name:tryget=live changes the lookup and nothing else',
    (patch) => {
      const { lifecycle } = built(patch).memcg;
      expect(built({ ...patch, chosen: { tryget: 'live' } }).memcg.lifecycle).toEqual({ ...lifecycle, tryget: 'live' });
    },
  );
});
