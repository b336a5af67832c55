import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeHandle } from './handle.js';
import { PublishedArrays, PublishedNames, PublishedTable } from './published.js';
import { AttachedMemory, SharedMemory } from './shared-memory.js';
import { PrivateMemory } from './words.js';

describe('PublishedTable', () => {
  it('holds nothing that was not published', () => {
    const table = new PublishedTable('kmem_cache', 4, 128, new PrivateMemory());
    const handle = makeHandle(2, 9, 1);
    expect(table.isCurrent(handle)).toBe(false);
    expect(table.read(handle, 1)).toBe(0);
    expect(table.isCurrent(0)).toBe(false);
  });

  it('publishes a record of zeros and reads back what was written', () => {
    const table = new PublishedTable('kmem_cache', 4, 128, new PrivateMemory());
    const handle = makeHandle(1, 3, 1);
    table.publish(handle);
    expect([1, 2, 3].map((field) => table.read(handle, field))).toEqual([0, 0, 0]);
    table.write(handle, 2, 77);
    expect(table.read(handle, 2)).toBe(77);
    expect(table.isCurrent(handle)).toBe(true);
  });

  it('is not current for a withdrawn record, nor for an older generation of a reused index', () => {
    const table = new PublishedTable('css', 3, 128, new PrivateMemory());
    const old = makeHandle(0, 5, 1);
    const reused = makeHandle(0, 5, 2);
    table.publish(old);
    table.write(old, 1, 11);
    table.withdraw(old);
    expect(table.isCurrent(old)).toBe(false);
    table.publish(reused);
    expect(table.isCurrent(old)).toBe(false);
    expect(table.isCurrent(reused)).toBe(true);
    expect(table.read(reused, 1)).toBe(0);
  });

  it('does not withdraw the successor when a stale handle is withdrawn late', () => {
    const table = new PublishedTable('css', 3, 128, new PrivateMemory());
    const old = makeHandle(0, 5, 1);
    const reused = makeHandle(0, 5, 2);
    table.publish(old);
    table.publish(reused);
    table.withdraw(old);
    expect(table.isCurrent(reused)).toBe(true);
  });

  it('refuses the null handle', () => {
    expect(() => new PublishedTable('css', 3, 128, new PrivateMemory()).publish(0)).toThrow('null handle');
  });

  it('keeps records of any nodes and indexes apart while it grows', () => {
    const places = fc.uniqueArray(fc.record({ node: fc.nat({ max: 9 }), index: fc.nat({ max: 700 }) }), {
      selector: ({ node, index }) => `${node}:${index}`,
      maxLength: 40,
    });
    fc.assert(
      fc.property(places, (list) => {
        const table = new PublishedTable('kmem_cache', 3, 128, new PrivateMemory());
        const handles = list.map(({ node, index }) => makeHandle(node, index, 1));
        handles.forEach((handle, n) => {
          table.publish(handle);
          table.write(handle, 2, n + 1);
        });
        expect(handles.map((handle) => table.read(handle, 2))).toEqual(handles.map((_, n) => n + 1));
        expect(handles.every((handle) => table.isCurrent(handle))).toBe(true);
      }),
      { seed: 4 },
    );
  });
});

describe('PublishedArrays', () => {
  it('keeps arrays apart, and reuses the room of dropped ones', () => {
    const arrays = new PublishedArrays(new PrivateMemory());
    arrays.publish(1, 4);
    arrays.publish(2, 4);
    arrays.write(1, 3, 7);
    arrays.drop(1);
    arrays.publish(3, 4);
    expect([arrays.lengthOf(1), arrays.read(1, 3), arrays.read(3, 3), arrays.read(2, 0)]).toEqual([0, 0, 0, 0]);
  });

  it('ignores what lies outside an array', () => {
    const arrays = new PublishedArrays(new PrivateMemory());
    arrays.publish(1, 2);
    arrays.publish(2, 2);
    arrays.write(1, 2, 9);
    expect([arrays.read(1, 2), arrays.read(2, 0)]).toEqual([0, 0]);
  });
});

describe('PublishedNames', () => {
  it('finds handles by name, 0 for unknown and withdrawn names', () => {
    const names = new PublishedNames(new PrivateMemory());
    names.set('dentry', 11);
    names.set('inode_cache', 12);
    names.set('dentry', 13);
    names.set('inode_cache', 0);
    expect(['dentry', 'inode_cache', 'filp'].map((name) => names.get(name))).toEqual([13, 0, 0]);
  });
});

describe('readers in another thread', () => {
  it('see what is published after they attached, however much the memory has grown', () => {
    const memory = new SharedMemory(2 ** 20);
    const attached = new AttachedMemory(memory.buffers);
    const table = new PublishedTable('css', 3, 2, memory);
    const arrays = new PublishedArrays(memory);
    const names = new PublishedNames(memory);
    const tableThere = new PublishedTable('css', 3, 2, attached);
    const arraysThere = new PublishedArrays(attached);
    const namesThere = new PublishedNames(attached);
    for (let n = 0; n < 300; n++) {
      const handle = makeHandle(n % 2, 7 * n, 1);
      expect([tableThere.isCurrent(handle), arraysThere.lengthOf(n), namesThere.get(`cache-${n}`)]).toEqual([
        false,
        0,
        0,
      ]);
      table.publish(handle);
      table.write(handle, 2, n);
      arrays.publish(n, 5);
      arrays.write(n, 4, n);
      names.set(`cache-${n}`, handle);
      expect([tableThere.isCurrent(handle), tableThere.read(handle, 2)]).toEqual([true, n]);
      expect([arraysThere.lengthOf(n), arraysThere.read(n, 4)]).toEqual([5, n]);
      expect(namesThere.get(`cache-${n}`)).toBe(handle);
    }
  });

  it('see withdrawn and dropped things go', () => {
    const memory = new SharedMemory(2 ** 20);
    const attached = new AttachedMemory(memory.buffers);
    const handle = makeHandle(0, 4, 1);
    const table = new PublishedTable('css', 3, 2, memory);
    const tableThere = new PublishedTable('css', 3, 2, attached);
    table.publish(handle);
    expect(tableThere.isCurrent(handle)).toBe(true);
    table.withdraw(handle);
    expect(tableThere.isCurrent(handle)).toBe(false);
  });
});
