/** How much may be on its way without an acknowledgement: frames, and bytes unless it is a single frame. */
const FRAMES = 64;
const BYTES = 4 << 20;

/** A receiver answers when so much waits for its acknowledgement: often enough to keep a sender busy. */
const ANSWER_FRAMES = FRAMES / 4;
const ANSWER_BYTES = BYTES / 2;

/** The frames of one direction that were sent and not yet acknowledged. */
export class Window {
  private last = 0;
  private oldest = 0;
  private bytes = 0;
  /** Sizes by frame number, modulo the number of frames in the window. */
  private readonly sizes = new Float64Array(FRAMES);

  /** Whether so much waits for an acknowledgement that it is to be sent by itself. */
  static asksForAnswer(unacknowledged: { readonly frames: number; readonly bytes: number }): boolean {
    return unacknowledged.frames >= ANSWER_FRAMES || unacknowledged.bytes >= ANSWER_BYTES;
  }

  /** Number of the last frame that was sent. */
  get sent(): number {
    return this.last;
  }

  /** Number of the last frame that was acknowledged, and with it all before. */
  get acknowledged(): number {
    return this.oldest;
  }

  /** Whether a frame of so many bytes may be sent now. */
  admits(size: number): boolean {
    const frames = this.last - this.oldest;
    return frames === 0 || (frames < FRAMES && this.bytes + size <= BYTES);
  }

  /** Count a frame as sent. */
  add(size: number): void {
    this.last++;
    this.sizes[this.last % FRAMES] = size;
    this.bytes += size;
  }

  /** Take note of an acknowledgement, which lies between `acknowledged` and `sent`. */
  acknowledge(upTo: number): void {
    while (this.oldest < upTo) {
      this.oldest++;
      this.bytes -= this.sizes[this.oldest % FRAMES] as number;
    }
  }
}
