import type { Handle, ObjectRef } from '@kmemlab/machine';

/** A per-CPU array of free objects (struct array_cache): LIFO for its CPU, drained from the oldest end. */
export class ArrayCache {
  avail = 0;
  touched = false;
  private readonly entries: Float64Array;

  constructor(
    /** The array set (one allocation of all CPUs' arrays) this array belongs to. */
    readonly set: Handle,
    readonly cache: Handle,
    readonly limit: number,
    readonly batchcount: number,
  ) {
    this.entries = new Float64Array(limit);
  }

  push(object: ObjectRef): void {
    this.entries[this.avail++] = object;
  }

  pop(): ObjectRef {
    return this.entries[--this.avail] as ObjectRef;
  }

  /** Remove the `n` oldest entries; the rest moves down. */
  takeOldest(n: number): ObjectRef[] {
    const taken = Array.from(this.entries.subarray(0, n));
    this.entries.copyWithin(0, n, this.avail);
    this.avail -= n;
    return taken;
  }

  contents(): ObjectRef[] {
    return Array.from(this.entries.subarray(0, this.avail));
  }
}
