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
    return hexOf(this.high) + hexOf(this.low);
  }
}

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** 8 digits, byte by byte: a search asks for them at the end of each schedule. */
const hexOf = (half: number): string =>
  `${BYTES[half >>> 24]}${BYTES[(half >>> 16) & 255]}${BYTES[(half >>> 8) & 255]}${BYTES[half & 255]}`;
