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

  it.each([1, 2, 3, 4])('show nothing that lies half outside what another thread has seen: %i CPUs', (cpusPerNode) => {
    const machine = new Topology(1, cpusPerNode);
    const memory = new SharedMemory(2 ** 20);
    const owner = new CpuSlabTable(machine, memory);
    const attached = new CpuSlabTable(machine, new AttachedMemory(memory.buffers));
    const all = Array.from({ length: cpusPerNode }, (_, cpu) => attached.of(cpu));
    for (let index = 1; index < 100; index++) {
      const cache = makeHandle(0, index, 1);
      owner.publish(cache);
      for (const cpu of all) {
        expect([cpu.hasCpuSlab(cache), cpu.get(cache)?.page]).toEqual([false, 0]);
        expect(cpu.heldOf(cache)).toEqual({ page: 0, partials: 0 });
      }
    }
  });
});
