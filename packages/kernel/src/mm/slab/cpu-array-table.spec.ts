import { AttachedMemory, makeHandle, PrivateMemory, SharedMemory, Topology } from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CpuArrayTable } from './cpu-array-table.js';

const topology = new Topology(2, 2);
const first = makeHandle(0, 3, 1);
const second = makeHandle(1, 3, 1);

const made = (set: number, limit = 4) => ({ set, cache: 7, limit, batchcount: 2 });

describe('CpuArrays', () => {
  it('has the arrays that were made for this CPU, by set', () => {
    const table = new CpuArrayTable(topology, new PrivateMemory());
    const [cpu, other] = [table.of(0), table.of(1)];
    cpu.create(made(first));
    cpu.create(made(second));
    cpu.get(first)?.push(11);
    cpu.get(second)?.push(22);
    expect([first, second].map((set) => cpu.get(set)?.contents())).toEqual([[11], [22]]);
    expect([other.get(first), cpu.get(0), cpu.get(makeHandle(0, 900, 1))]).toEqual([undefined, undefined, undefined]);
  });

  it('lists them in the order in which they were made', () => {
    const cpu = new CpuArrayTable(topology, new PrivateMemory()).of(1);
    const sets = [second, makeHandle(0, 80, 1), first];
    for (const set of sets) cpu.create(made(set));
    expect(cpu.values().map(({ set }) => set)).toEqual(sets);
    cpu.delete(second);
    expect(cpu.values().map(({ set }) => set)).toEqual(sets.slice(1));
  });

  it('has no array once it is deleted; one held meanwhile is not present, even if its memory is used again', () => {
    const cpu = new CpuArrayTable(topology, new PrivateMemory()).of(0);
    cpu.create(made(first));
    const held = cpu.get(first);
    cpu.delete(first);
    cpu.delete(first);
    expect(cpu.get(first)).toBeUndefined();
    cpu.create(made(second));
    expect(cpu.get(second)?.start).toBe(held?.start);
    expect([held?.set, held?.present]).toEqual([first, false]);
  });

  it('tells sets apart that have the same index one after the other, also if the earlier array is left behind', () => {
    const cpu = new CpuArrayTable(topology, new PrivateMemory()).of(0);
    const reused = makeHandle(0, 3, 2);
    cpu.create(made(first));
    expect(cpu.get(reused)).toBeUndefined();
    cpu.create(made(reused, 9));
    expect([cpu.get(first), cpu.get(reused)?.limit]).toEqual([undefined, 9]);
    cpu.delete(first);
    expect(cpu.values()).toHaveLength(1);
  });

  it('shows another view of the same memory what was made after that was attached', () => {
    const memory = new SharedMemory(2 ** 20);
    const owner = new CpuArrayTable(topology, memory);
    const attached = new CpuArrayTable(topology, new AttachedMemory(memory.buffers)).of(1);
    const sets = Array.from({ length: 200 }, (_, index) => makeHandle(index % 2, index, 1));
    for (const set of sets) {
      owner.of(1).create(made(set, 120));
      attached.get(set)?.push(set);
    }
    expect(sets.map((set) => owner.of(1).get(set)?.contents())).toEqual(sets.map((set) => [set]));
    const held = attached.get(second);
    owner.of(1).delete(second);
    expect([held?.present, attached.get(second), attached.values().length]).toEqual([
      false,
      undefined,
      sets.length - 1,
    ]);
  });

  it('agrees with maps of lists under any sequence of steps of all CPUs', () => {
    const step = fc.tuple(fc.nat({ max: 1 }), fc.nat({ max: 5 }), fc.constantFrom('make', 'push', 'pop', 'delete'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const table = new CpuArrayTable(topology, new PrivateMemory());
        const cpus = [table.of(0), table.of(1)] as const;
        const models = [new Map<number, number[]>(), new Map<number, number[]>()] as const;
        for (const [n, [cpu, index, what]] of steps.entries()) {
          const set = makeHandle(index % 2, index, 1);
          const arrays = cpus[cpu as 0 | 1];
          const model = models[cpu as 0 | 1];
          const list = model.get(set);
          if (what === 'make' && list === undefined) {
            arrays.create(made(set, 2 + index));
            model.set(set, []);
          } else if (what === 'delete') {
            arrays.delete(set);
            model.delete(set);
          } else if (what === 'push' && list !== undefined && list.length < 2 + index) {
            arrays.get(set)?.push(n);
            list.push(n);
          } else if (what === 'pop' && list !== undefined && list.length > 0) {
            expect(arrays.get(set)?.pop()).toBe(list.pop());
          }
          cpus.forEach((each, c) => {
            const expected = [...(models[c as 0 | 1] ?? [])];
            expect(each.values().map((array) => [array.set, array.contents()])).toEqual(expected);
          });
        }
      }),
      { seed: 21 },
    );
  });
});
