import { generationOf, type Handle, homeOf, indexOf } from './handle.js';

/**
 * Published state: fixed-size records of numbers that every CPU of a node reads without an effect. Each node holds a
 * replica. Only handlers write, one at every node for one logical store; the storing CPU waits for all of them.
 * Records are addressed by the handle of the object they belong to; field 0 holds that handle.
 */
export class PublishedTable {
  private readonly chunks: Float64Array[] = [];

  constructor(
    readonly name: string,
    private readonly stride: number,
  ) {}

  /** Make the object's record readable, all fields 0. */
  publish(handle: Handle): void {
    const base = this.place(handle);
    const chunk = this.chunks[homeOf(handle)] as Float64Array;
    chunk.fill(0, base, base + this.stride);
    chunk[base] = handle;
  }

  /** Withdraw the record: from now on `isCurrent` is false for this handle. */
  withdraw(handle: Handle): void {
    const base = this.place(handle);
    const chunk = this.chunks[homeOf(handle)] as Float64Array;
    if (chunk[base] === handle) chunk[base] = 0;
  }

  isCurrent(handle: Handle): boolean {
    return this.chunks[homeOf(handle)]?.[indexOf(handle) * this.stride] === handle;
  }

  read(handle: Handle, field: number): number {
    return this.chunks[homeOf(handle)]?.[indexOf(handle) * this.stride + field] ?? 0;
  }

  write(handle: Handle, field: number, value: number): void {
    const base = this.place(handle);
    (this.chunks[homeOf(handle)] as Float64Array)[base + field] = value;
  }

  private place(handle: Handle): number {
    if (generationOf(handle) === 0) throw new Error(`${this.name}: null handle`);
    const home = homeOf(handle);
    const base = indexOf(handle) * this.stride;
    while (this.chunks.length <= home) this.chunks.push(new Float64Array(0));
    const chunk = this.chunks[home] as Float64Array;
    if (base + this.stride > chunk.length) {
      const grown = new Float64Array(Math.max(64 * this.stride, 2 * (base + this.stride)));
      grown.set(chunk);
      this.chunks[home] = grown;
    }
    return base;
  }
}
