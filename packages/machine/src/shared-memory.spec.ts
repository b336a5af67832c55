import { describe, expect, it } from 'vitest';
import { AttachedMemory, SharedMemory } from './shared-memory.js';

describe('SharedMemory', () => {
  it('is seen by who attaches to it, part by part in the same order', () => {
    const memory = new SharedMemory();
    const [words, integers] = [memory.words(), memory.integers(4)];
    words.ensure(2);
    words.view[1] = 2.5;
    Atomics.add(integers, 3, 9);
    const attached = new AttachedMemory(memory.buffers);
    expect(attached.words().view[1]).toBe(2.5);
    expect([...attached.integers(4)]).toEqual([0, 0, 0, 9]);
    expect(() => attached.words()).toThrow('has 2 parts');
  });

  it('grows in place: earlier views stay valid, attached ones see more once they refresh', () => {
    const memory = new SharedMemory();
    const words = memory.words();
    words.ensure(3);
    const attached = new AttachedMemory(memory.buffers).words();
    const before = attached.view;
    words.ensure(5000);
    words.view[2] = 1;
    words.view[4999] = 2;
    expect([before[2], attached.view[4999], attached.refresh()[4999], attached.view[4999]]).toEqual([
      1,
      undefined,
      2,
      2,
    ]);
    expect(attached.refresh()).toBe(attached.view);
  });

  it('grows by its owner only', () => {
    const memory = new SharedMemory();
    const words = memory.words();
    words.ensure(10);
    const attached = new AttachedMemory(memory.buffers).words();
    words.ensure(1000);
    attached.ensure(1000);
    expect(attached.view.length).toBeGreaterThanOrEqual(1000);
    expect(() => attached.ensure(100_000)).toThrow('only its owner');
  });

  it('fills what is reserved and says so when that is not enough', () => {
    const words = new SharedMemory(8 * 100).words();
    words.ensure(60);
    words.ensure(100);
    expect(words.view).toHaveLength(100);
    expect(() => words.ensure(101)).toThrow('one array holds at most 100');
  });

  it('refuses integers of another length than were made', () => {
    const memory = new SharedMemory();
    memory.integers(4);
    expect(() => new AttachedMemory(memory.buffers).integers(5)).toThrow('expected 5');
  });

  it('takes only address space until it is used, so that a node of a large machine has room for all its tables', () => {
    const memory = new SharedMemory();
    for (let n = 0; n < 64 * 5; n++) memory.words();
    expect(memory.buffers.every(({ byteLength }) => byteLength === 0)).toBe(true);
  });
});
