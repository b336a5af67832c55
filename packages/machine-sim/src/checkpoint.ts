type Fields = Record<string, unknown>;

/**
 * The state of a machine at rest, to go back to as often as one likes. Objects keep their identity: going back writes into
 * each object that was reachable what it held then. Everything mutable must therefore be held in objects, arrays, maps, sets
 * or typed arrays; coroutines and variables of closures are not kept. Accessors are not state, and are left alone.
 */
export class Checkpoint {
  private readonly shapes = new Map<string, Shape>();
  private readonly writings: readonly Writing[];
  private restored = 0;
  private readonly arrays = new Map<string, Kept<unknown[], readonly unknown[]>>();
  /** Collections that are empty at rest are many, and stay empty mostly. */
  private readonly emptyArrays: unknown[][] = [];
  private readonly emptyMaps: Map<unknown, unknown>[] = [];
  private readonly emptySets: Set<unknown>[] = [];
  /** Memory of typed arrays, of which several may share one. */
  private readonly buffers = new Kept<Bytes, Bytes>(restoreBytes);
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
    this.writings = writingsOf(this.shapes.values());
  }

  restore(): void {
    const looks = this.restored++ % LOOK_EVERY === 0;
    for (const shape of this.shapes.values()) shape.prepare(looks);
    for (const writing of this.writings) writing.restore();
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
      const bytes = object.byteLength % 4 === 0 ? new Int32Array(object) : new Uint8Array(object);
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

type Bytes = Int32Array | Uint8Array;

/** Elements that are written one by one faster than the engine gets going. */
const A_FEW_WORDS = 32;

function restoreBytes(bytes: Bytes, held: Bytes): void {
  if (held.length > A_FEW_WORDS) bytes.set(held);
  else for (let i = 0; i < held.length; i++) bytes[i] = held[i] as number;
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

/**
 * How objects of a shape may change beyond their fields: those of a record come and go, objects of a class have what the class
 * declares, and objects with accessors stay as they are.
 */
type Growth = 'record' | 'class' | 'none';

/** One time in so many, objects of classes are looked at for fields that they got since: it is a third of the time of going back. */
const LOOK_EVERY = 20;

/** Objects with the same fields. */
class Shape {
  readonly objects: Fields[] = [];

  constructor(
    readonly keys: readonly string[],
    private readonly growth: Growth,
  ) {}

  add(object: Fields): void {
    this.objects.push(object);
  }

  /** What the objects hold now, one field after the other. */
  get values(): unknown[] {
    return this.objects.flatMap((object) => this.keys.map((key) => object[key]));
  }

  /** Before the fields are written. */
  prepare(looks: boolean): void {
    if (this.growth === 'record') for (const object of this.objects) this.reset(object);
    else if (this.growth === 'class' && looks) this.lookForOthers();
  }

  /** Take away the fields of a record that has others now; they come back in their order. */
  private reset(object: Fields): void {
    if (hasJust(object, this.keys)) return;
    for (const key of Object.keys(object)) delete object[key];
  }

  private lookForOthers(): void {
    for (const object of this.objects) {
      if (hasJust(object, this.keys)) continue;
      const other = Object.keys(object).find((key) => !this.keys.includes(key));
      if (other === undefined) continue;
      throw new Error(`${object.constructor.name}.${other} was not there at the checkpoint: its class must declare it`);
    }
  }
}

/** The object has these fields in this order, and no others. */
function hasJust(object: Fields, keys: readonly string[]): boolean {
  let same = 0;
  for (const key in object) if (key !== keys[same++]) return false;
  return same === keys.length;
}

/** Writes the objects' fields from `held`, where they follow each other. */
type WriteFields = (objects: readonly Fields[], held: readonly unknown[]) => void;

/** A writer made as code of its own: a loop over the names of fields takes five times as long, which is a third of going back. */
const compile = (code: string): WriteFields => new Function('objects', 'held', `'use strict'; ${code}`) as WriteFields;

/** Loops over objects, by the names of their fields: checkpoints share them. */
const loops = new Map<string, WriteFields>();

function loopOver(keys: readonly string[]): WriteFields {
  const names = JSON.stringify(keys);
  const writes = keys.map((key, i) => `object[${JSON.stringify(key)}] = held[at + ${i}];`).join(' ');
  const code = `for (let n = 0, at = 0; n < objects.length; n++, at += ${keys.length}) { const object = objects[n]; ${writes} }`;
  const loop = loops.get(names) ?? compile(code);
  loops.set(names, loop);
  return loop;
}

/** Shapes of up to so many objects are written by code without a loop, together, up to so many fields. */
const FEW = 4;
const FIELDS_TOGETHER = 300;

/** What the objects of some shapes held, and code that writes it back. */
class Writing {
  private readonly objects: readonly Fields[];
  private readonly held: readonly unknown[];
  private readonly write: WriteFields;

  constructor(shapes: readonly Shape[], write: WriteFields) {
    this.objects = shapes.flatMap(({ objects }) => objects);
    this.held = shapes.flatMap(({ values }) => values);
    this.write = write;
  }

  restore(): void {
    this.write(this.objects, this.held);
  }
}

/** How to write the shapes: those of many objects in a loop each, the others together. */
function writingsOf(shapes: Iterable<Shape>): Writing[] {
  const writings: Writing[] = [];
  let together: Shape[] = [];
  let fields = 0;
  const flush = (): void => {
    if (together.length > 0) writings.push(new Writing(together, oneByOne(together)));
    together = [];
    fields = 0;
  };
  for (const shape of shapes) {
    const { objects, keys } = shape;
    if (objects.length > FEW) {
      writings.push(new Writing([shape], loopOver(keys)));
      continue;
    }
    together.push(shape);
    fields += objects.length * keys.length;
    if (fields > FIELDS_TOGETHER) flush();
  }
  flush();
  return writings;
}

function oneByOne(shapes: readonly Shape[]): WriteFields {
  const keysOfEach = shapes.flatMap(({ objects, keys }) => objects.map(() => keys));
  let at = 0;
  const writes = keysOfEach.map((keys, n) => {
    const fields = keys.map((key) => `object[${JSON.stringify(key)}] = held[${at++}];`);
    return `{ const object = objects[${n}]; ${fields.join(' ')} }`;
  });
  return compile(writes.join(' '));
}
