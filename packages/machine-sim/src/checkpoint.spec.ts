import { PrivateMemory } from '@kmemlab/machine';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Checkpoint } from './checkpoint.js';

class Counter {
  count = 0;
  later: string | undefined;
  constructor(readonly name: string) {}
}

class Machine {
  readonly numbers = new Float64Array(4);
  readonly list: unknown[] = [1, 2, 3];
  readonly byName = new Map<string, Counter>([['a', new Counter('a')]]);
  readonly marks = new Set<number>([5, 4]);
  readonly record: Record<string, number> = { x: 1 };
  counter = new Counter('own');
}

describe('Checkpoint', () => {
  it('tells a field whose name has a comma from two fields', () => {
    const one: Record<string, number> = { 'a,b': 1 };
    const two: Record<string, number> = { a: 2, b: 3 };
    const checkpoint = new Checkpoint([one, two], []);
    for (const record of [one, two]) for (const key of Object.keys(record)) record[key] = 9;
    checkpoint.restore();
    expect([one, two]).toEqual([{ 'a,b': 1 }, { a: 2, b: 3 }]);
  });

  it('puts back fields, elements, entries and numbers into the same objects', () => {
    const machine = new Machine();
    const { numbers, list, byName, marks, record, counter } = machine;
    const checkpoint = new Checkpoint([machine], []);
    numbers.fill(7);
    list.push(4);
    list[0] = 'changed';
    (byName.get('a') as Counter).count = 9;
    byName.set('b', new Counter('b'));
    marks.delete(5);
    marks.add(6);
    record.y = 2;
    delete record.x;
    record.x = 1;
    counter.count = 3;
    counter.later = 'set for the first time';
    machine.counter = new Counter('another');
    checkpoint.restore();
    expect([...machine.numbers]).toEqual([0, 0, 0, 0]);
    expect(machine.list).toEqual([1, 2, 3]);
    expect([...machine.byName.keys()]).toEqual(['a']);
    expect(machine.byName.get('a')?.count).toBe(0);
    expect([...machine.marks]).toEqual([5, 4]);
    expect(machine.record).toEqual({ x: 1 });
    expect(machine.counter).toBe(counter);
    expect([counter.count, counter.later]).toEqual([0, undefined]);
    expect(machine.numbers).toBe(numbers);
    expect(machine.byName).toBe(byName);
  });

  it('puts back one object and many of a kind, few bytes and many', () => {
    const many = Array.from({ length: 40 }, (_, n) => new Counter(`${n}`));
    const [few, bytes, large] = [[new Counter('one'), { x: 1, y: 2 }], new Uint8Array(5), new Float64Array(500)];
    const checkpoint = new Checkpoint([many, few, bytes, large], []);
    for (let round = 1; round < 3; round++) {
      for (const counter of many) counter.count = round;
      Object.assign(few[0] as Counter, { count: round });
      Object.assign(few[1] as object, { x: round, y: -round });
      bytes.fill(round);
      large.fill(round);
      checkpoint.restore();
      expect(many.map(({ name, count }) => [name, count])).toEqual(many.map((_, n) => [`${n}`, 0]));
      expect(few).toEqual([new Counter('one'), { x: 1, y: 2 }]);
      expect([...bytes, ...large].every((number) => number === 0)).toBe(true);
    }
  });

  it('refuses an object of a class with another field in the place of one of its own', () => {
    const counter = new Counter('own') as Counter & Record<string, unknown>;
    const checkpoint = new Checkpoint([counter], []);
    Reflect.deleteProperty(counter, 'later');
    counter.other = 1;
    expect(() => checkpoint.restore()).toThrow('Counter.other was not there at the checkpoint');
  });

  it('passes by what is frozen, and keeps what that refers to', () => {
    const counter = new Counter('inside');
    const checkpoint = new Checkpoint([Object.freeze([counter])], []);
    counter.count = 5;
    checkpoint.restore();
    expect(counter.count).toBe(0);
  });

  it('keeps the order of entries, which decides the order of walks', () => {
    const map = new Map([
      [1, 'a'],
      [2, 'b'],
    ]);
    const checkpoint = new Checkpoint([map], []);
    map.delete(1);
    map.set(1, 'a');
    checkpoint.restore();
    expect([...map.keys()]).toEqual([1, 2]);
  });

  it('undoes whatever happened to a map or a set, entries in their order', () => {
    const keys = fc.nat({ max: 9 });
    const change = fc.record({ what: fc.constantFrom('put', 'take', 'clear'), key: keys, value: fc.nat({ max: 3 }) });
    fc.assert(
      fc.property(fc.uniqueArray(keys), fc.array(fc.array(change)), (held, rounds) => {
        const map = new Map<number, number>(held.map((key) => [key, key]));
        const set = new Set(held);
        const checkpoint = new Checkpoint([map, set], []);
        for (const round of rounds) {
          for (const { what, key, value } of round) {
            if (what === 'clear') for (const all of [map, set]) all.clear();
            else if (what === 'take') for (const all of [map, set]) all.delete(key);
            else {
              map.set(key, value);
              set.add(key);
            }
          }
          checkpoint.restore();
          expect([...map]).toEqual(held.map((key) => [key, key]));
          expect([...set]).toEqual(held);
        }
      }),
      { seed: 13 },
    );
  });

  it('goes back as often as one likes, and through objects that refer to each other', () => {
    const a: { other?: unknown; n: number } = { n: 1 };
    const b = { other: a, n: 2 };
    a.other = b;
    const checkpoint = new Checkpoint([a], []);
    for (let round = 0; round < 3; round++) {
      a.n = b.n = 10;
      a.other = null;
      checkpoint.restore();
      expect([a.n, b.n, a.other]).toEqual([1, 2, b]);
    }
  });

  it('refuses objects of a class that get fields of which the class knows nothing', () => {
    const machine = new Machine();
    const checkpoint = new Checkpoint([machine], []);
    for (let round = 0; round < 100; round++) checkpoint.restore();
    Object.assign(machine.counter, { unheardOf: 1 });
    // It does not look each time, but it never stops looking.
    expect(() => {
      for (let round = 0; round < 20; round++) checkpoint.restore();
    }).toThrow('Counter.unheardOf was not there');
  });

  it('restores views of one buffer together', () => {
    const all = new Float64Array(8);
    const some = all.subarray(2, 4);
    const checkpoint = new Checkpoint([{ some }], []);
    all.fill(9);
    checkpoint.restore();
    expect([...all]).toEqual(new Array(8).fill(0));
  });

  it('forgets what memory held beyond its length, however often it grows again', () => {
    const words = new PrivateMemory().words();
    words.ensure(10);
    const { length } = words.view;
    const checkpoint = new Checkpoint([words], []);
    for (const more of [1, 500, 20]) {
      words.ensure(length + more);
      expect(words.view.length).toBeGreaterThanOrEqual(length + more);
      expect(words.view.every((word) => word === 0)).toBe(true);
      words.view.fill(7);
      checkpoint.restore();
      expect(words.view).toHaveLength(length);
    }
  });

  it('leaves accessors alone', () => {
    const words = new Float64Array(1);
    const counts = Object.defineProperty({ own: 1 }, 'first', { enumerable: true, get: () => words[0] });
    const checkpoint = new Checkpoint([counts, words], []);
    words[0] = 5;
    counts.own = 2;
    checkpoint.restore();
    expect({ ...counts }).toEqual({ own: 1, first: 0 });
  });

  it('looks through frozen objects', () => {
    const inner = { n: 1 };
    const list: number[] = [];
    const checkpoint = new Checkpoint([Object.freeze({ inner, list })], []);
    inner.n = 2;
    list.push(1);
    checkpoint.restore();
    expect([inner.n, list]).toEqual([1, []]);
  });

  it('leaves alone what is shared', () => {
    const shared = { n: 1 };
    const checkpoint = new Checkpoint([{ shared }], [shared]);
    shared.n = 2;
    checkpoint.restore();
    expect(shared.n).toBe(2);
  });

  it('restores any nested data', () => {
    const json = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(json, json, (before, after) => {
        const root = { value: structuredClone(before) };
        const checkpoint = new Checkpoint([root], []);
        if (Array.isArray(root.value)) root.value.unshift(after);
        else if (typeof root.value === 'object' && root.value !== null)
          Object.assign(root.value, { '': after, added: after });
        root.value = after;
        checkpoint.restore();
        expect(root.value).toEqual(before);
      }),
      { seed: 3 },
    );
  });
});
