import { AttachedMemory, makeHandle, SharedMemory, Topology } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { CpuSlabTable } from './kmem-cache-cpu.js';

const topology = new Topology(1, 2);
const page = makeHandle(0, 7, 1);

describe('CpuSlabs', () => {
  it('show to another thread what a CPU holds, of caches that came after it was attached, too', () => {
    const memory = new SharedMemory(2 ** 20);
    const owner = new CpuSlabTable(topology, memory);
    const elsewhere = new CpuSlabTable(topology, new AttachedMemory(memory.buffers)).of(0);
    const caches = [1, 40, 400].map((index) => makeHandle(0, index, 1));
    for (const cache of caches) owner.publish(cache);
    expect(caches.map((cache) => elsewhere.hasCpuSlab(cache))).toEqual([false, false, false]);
    for (const index of [2, 41, 4000]) {
      const cache = makeHandle(0, index, 1);
      owner.publish(cache);
      const own = owner.of(0).get(cache);
      if (own === undefined) throw new Error('not there');
      own.page = page;
      expect(elsewhere.heldOf(cache)).toEqual({ page, partials: 0 });
    }
  });
});
