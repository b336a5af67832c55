import { AttachedMemory, makeHandle, PrivateMemory, SharedMemory, Topology } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { PercpuRefTable } from './counters.js';

const topology = new Topology(2, 2);
const css = makeHandle(1, 40, 1);

describe('PercpuCounters', () => {
  it('counts for each CPU and css by itself; taking resets', () => {
    const table = new PercpuRefTable(topology, new PrivateMemory());
    const other = makeHandle(0, 40, 1);
    table.publish(css);
    table.publish(other);
    table.of(0).add(css, 3);
    table.of(0).add(css, -1);
    table.of(1).add(css, 5);
    table.of(1).add(other, 7);
    expect([table.of(0).take(css), table.of(1).take(css), table.of(1).take(other)]).toEqual([2, 5, 7]);
    expect(table.of(1).take(css)).toBe(0);
  });

  it('begins at 0 when an index is used again', () => {
    const table = new PercpuRefTable(topology, new PrivateMemory());
    table.publish(css);
    table.of(1).add(css, 5);
    const reused = makeHandle(1, 40, 2);
    table.publish(reused);
    expect([0, 1].map((index) => table.of(index).take(reused))).toEqual([0, 0]);
  });

  it('refuses to count for a css that was never published', () => {
    expect(() => new PercpuRefTable(topology, new PrivateMemory()).of(0).add(css, 1)).toThrow('has no counters');
  });

  it('reaches the counters of a css that was published after the memory was attached', () => {
    const memory = new SharedMemory(2 ** 20);
    const owner = new PercpuRefTable(topology, memory);
    const attached = new PercpuRefTable(topology, new AttachedMemory(memory.buffers)).of(1);
    owner.publish(css);
    attached.add(css, 4);
    expect(owner.of(1).take(css)).toBe(4);
  });

  it('finds the counters that another CPU has used before it was attached to any', () => {
    const memory = new SharedMemory(2 ** 20);
    const owner = new PercpuRefTable(topology, memory);
    const attached = new PercpuRefTable(topology, new AttachedMemory(memory.buffers)).of(1);
    owner.publish(css);
    owner.of(1).add(css, 4);
    expect([attached.peek(css), attached.take(css), owner.of(1).peek(css)]).toEqual([4, 4, 0]);
  });
});
