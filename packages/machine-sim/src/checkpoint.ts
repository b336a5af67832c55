type Fields = Record<string, unknown>;

/**
 * The state of a machine at rest, to go back to as often as one likes. Objects keep their identity: going back writes into
 * each object that was reachable what it held then. Everything mutable must therefore be held in objects, arrays, maps, sets
 * or typed arrays; coroutines and variables of closures are not kept. Accessors are not state, and are left alone.
 */
export class Checkpoint {
  private readonly shapes = new Map<string, Shape>();
  private readonly arrays = new Map<string, Kept<unknown[], readonly unknown[]>>();
  /** Collections that are empty at rest are many, and stay empty mostly. */
  private readonly emptyArrays: unknown[][] = [];
  private readonly emptyMaps: Map<unknown, unknown>[] = [];
  private readonly emptySets: Set<unknown>[] = [];
  /** Memory of typed arrays, of which several may share one. */
  private readonly buffers = new Kept<Uint8Array, Uint8Array>((bytes, held) => bytes.set(held));
  private readonly maps = new Kept<Map<unknown, unknown>, HeldMap>(restoreMap);
  private readonly sets = new Kept<Set<unknown>, readonly unknown[]>(restoreSet);

  /** @param shared what never changes and need not be looked into */
  constructor(roots: readonly object[], shared: readonly object[]) {
    const seen = new Set<unknown>(shared);
    const pending: unknown[] = [...roots];
    while (pending.length > 0) {
      const object = pending.pop();
      if (typeof object !== 'object' || object === null || seen.has(object)) continue;
      seen.add(object);
      const reached = Object.isFrozen(object) ? Object.values(object) : this.keep(object);
      for (const value of reached) pending.push(value);
    }
  }

  restore(): void {
    for (const shape of this.shapes.values()) shape.restore();
    for (const arrays of this.arrays.values()) arrays.restore();
    this.buffers.restore();
    this.maps.restore();
    this.sets.restore();
    for (const array of this.emptyArrays) if (array.length > 0) array.length = 0;
    for (const map of this.emptyMaps) if (map.size > 0) restoreMap(map, NO_ENTRIES);
    for (const set of this.emptySets) if (set.size > 0) restoreSet(set, NO_ENTRIES.keys);
  }

  /** Returns what the object refers to. */
  private keep(object: object): readonly unknown[] {
    if (ArrayBuffer.isView(object)) return [object.buffer];
    if (object instanceof ArrayBuffer) {
      const bytes = new Uint8Array(object);
      this.buffers.add(bytes, bytes.slice());
      return [];
    }
    if (Array.isArray(object)) return this.keepArray(object);
    if (object instanceof Set) return this.keepSet(object);
    if (object instanceof Map) return this.keepMap(object);
    return this.keepFields(object as Fields);
  }

  private keepSet(set: Set<unknown>): readonly unknown[] {
    if (set.size > 0) return this.sets.add(set, [...set]);
    this.emptySets.push(set);
    return [];
  }

  private keepMap(map: Map<unknown, unknown>): readonly unknown[] {
    if (map.size > 0) {
      const { keys, values } = this.maps.add(map, { keys: [...map.keys()], values: [...map.values()] });
      return [...keys, ...values];
    }
    this.emptyMaps.push(map);
    return [];
  }

  private keepArray(array: unknown[]): readonly unknown[] {
    if (array.length === 0) {
      this.emptyArrays.push(array);
      return [];
    }
    const what = contentsOf(array);
    const alike = this.arrays.get(what) ?? new Kept(arrayWriter());
    this.arrays.set(what, alike);
    return alike.add(array, [...array]);
  }

  private keepFields(object: Fields): readonly unknown[] {
    const all = Object.keys(object);
    const keys = all.filter((key) => Object.getOwnPropertyDescriptor(object, key)?.get === undefined);
    const plain = Object.getPrototypeOf(object) === Object.prototype;
    const growth = keys.length < all.length ? 'none' : plain ? 'record' : 'class';
    const name = `${plain ? growth : object.constructor.name} ${JSON.stringify(keys)}`;
    const shape = this.shapes.get(name) ?? new Shape(keys, growth);
    this.shapes.set(name, shape);
    shape.add(object);
    return keys.map((key) => object[key]);
  }
}

/** Objects of one kind, each with what it held. */
class Kept<T, Held> {
  private readonly objects: T[] = [];
  private readonly held: Held[] = [];

  constructor(private readonly write: (object: T, held: Held) => void) {}

  add(object: T, held: Held): Held {
    this.objects.push(object);
    this.held.push(held);
    return held;
  }

  restore(): void {
    const { objects, held, write } = this;
    for (let i = 0; i < objects.length; i++) write(objects[i] as T, held[i] as Held);
  }
}

/** Arrays of integers, of numbers and of anything else are different things to the engine. */
function contentsOf(array: readonly unknown[]): string {
  if (array.every((element) => Number.isInteger(element))) return 'integers';
  return array.every((element) => typeof element === 'number') ? 'numbers' : 'anything';
}

/** A writer of code of its own for arrays with contents of one kind. */
function arrayWriter(): (array: unknown[], held: readonly unknown[]) => void {
  const body = `'use strict';
    if (array.length !== held.length) array.length = held.length;
    for (let i = 0; i < held.length; i++) array[i] = held[i];`;
  return new Function('array', 'held', body) as ReturnType<typeof arrayWriter>;
}

interface HeldMap {
  readonly keys: readonly unknown[];
  readonly values: readonly unknown[];
}

const NO_ENTRIES: HeldMap = { keys: [], values: [] };

/**
 * The order of the entries counts. Mostly some were added behind those held and may be gone again: taking those away leaves the map
 * its table, where clearing makes a new one, which the next schedule has to grow, and which hangs on to the last.
 */
function restoreMap(map: Map<unknown, unknown>, { keys, values }: HeldMap): void {
  let at = 0;
  map.forEach((value, key) => {
    if (key !== keys[at]) map.delete(key);
    else if (value !== values[at++]) map.set(key, values[at - 1]);
  });
  if (at === keys.length) return;
  map.clear();
  for (let i = 0; i < keys.length; i++) map.set(keys[i], values[i]);
}

function restoreSet(set: Set<unknown>, held: readonly unknown[]): void {
  let at = 0;
  set.forEach((value) => {
    if (value === held[at]) at++;
    else set.delete(value);
  });
  if (at === held.length) return;
  set.clear();
  for (const value of held) set.add(value);
}

/** Writes the objects' fields from `held`, where they follow each other. */
type WriteFields = (objects: readonly Fields[], held: readonly unknown[]) => void;

/** By the names of their fields. */
const writers = new Map<string, WriteFields>();

/**
 * A writer for objects that have these fields. It is made as code of its own for each shape: a loop over names takes five
 * times as long, which is a third of going back.
 */
function writerOf(keys: readonly string[]): WriteFields {
  const names = JSON.stringify(keys);
  const known = writers.get(names);
  if (known !== undefined) return known;
  const writes = keys.map((key, i) => `object[${JSON.stringify(key)}] = held[at + ${i}];`).join(' ');
  const body = `'use strict'; for (let n = 0, at = 0; n < objects.length; n++, at += ${keys.length}) { const object = objects[n]; ${writes} }`;
  const writer = new Function('objects', 'held', body) as WriteFields;
  writers.set(names, writer);
  return writer;
}

/**
 * How objects of a shape may change beyond their fields: those of a record come and go, objects of a class have what the class
 * declares, and objects with accessors stay as they are.
 */
type Growth = 'record' | 'class' | 'none';

/** One time in so many, objects of classes are looked at for fields that they got since: it is a third of the time of going back. */
const LOOK_EVERY = 20;

/** Objects with the same fields, restored together. */
class Shape {
  private readonly objects: Fields[] = [];
  private readonly held: unknown[] = [];
  private readonly write: WriteFields;
  private restored = 0;

  constructor(
    private readonly keys: readonly string[],
    private readonly growth: Growth,
  ) {
    this.write = writerOf(keys);
  }

  add(object: Fields): void {
    this.objects.push(object);
    for (const key of this.keys) this.held.push(object[key]);
  }

  restore(): void {
    if (this.growth === 'record') for (const object of this.objects) this.reset(object);
    else if (this.growth === 'class' && this.restored++ % LOOK_EVERY === 0) this.lookForOthers();
    this.write(this.objects, this.held);
  }

  /** Take away the fields of a record that has others now; they come back in their order. */
  private reset(object: Fields): void {
    const { keys } = this;
    let same = 0;
    for (const key in object) same = key === keys[same] ? same + 1 : keys.length + 1;
    if (same === keys.length) return;
    for (const key of Object.keys(object)) delete object[key];
  }

  private lookForOthers(): void {
    for (const object of this.objects) {
      let count = 0;
      for (const _ in object) count++;
      if (count === this.keys.length) continue;
      const other = Object.keys(object).find((key) => !this.keys.includes(key));
      if (other === undefined) continue;
      throw new Error(`${object.constructor.name}.${other} was not there at the checkpoint: its class must declare it`);
    }
  }
}
