import { describe, expect, it } from 'vitest';
import { PageState } from './page-states.js';

describe('PageState', () => {
  it.each([
    [4, 3, 2 ** 50],
    [256, 255, 8 * 3600 * 1e9],
    [1, 0, 0],
  ])('on %i CPUs knows that CPU%i allocated or freed an object last, after %i ns', (cpus, cpu, time) => {
    const page = new PageState(1, {} as never, 8, cpus, 0, 5);
    expect(page.lastStep(2)).toMatchObject({ cpu: 0, function: 'cache_grow', time: 5 });
    page.allocate(2, cpu, time);
    expect(page.isLive(2)).toBe(true);
    expect(page.lastStep(2)).toMatchObject({ cpu, function: 'kmem_cache_alloc', time });
    page.free(2, cpu, time + 1);
    expect(page.isLive(2)).toBe(false);
    expect(page.lastStep(2)).toMatchObject({ cpu, function: 'kmem_cache_free', time: time + 1 });
  });
});
