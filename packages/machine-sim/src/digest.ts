/** A running 64-bit digest of the events of a run, in two 32-bit halves (FNV-1a and a multiplicative mix). */
export class EventDigest {
  private low = 0x811c9dc5;
  private high = 0x9e3779b9;
  events = 0;

  add(time: number, kind: number, actor: number, detail: number): void {
    this.events++;
    const lowTime = time >>> 0;
    const highTime = Math.floor(time / 2 ** 32);
    this.low = Math.imul(this.low ^ lowTime, 0x01000193) ^ Math.imul(kind + 1, 0x85ebca6b);
    this.high = Math.imul(this.high ^ (actor * 65599 + detail), 0xc2b2ae35) ^ (this.low >>> 15) ^ highTime;
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
    return hex(this.high) + hex(this.low);
  }
}
