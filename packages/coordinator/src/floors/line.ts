/** Bytes that travel with each ring and each answer. */
export const PAYLOAD_BYTES = 64;

const WORDS_PER_LINE = PAYLOAD_BYTES / 4;
const RING = 0;
const ANSWER = WORDS_PER_LINE;
const PAYLOAD = 2 * WORDS_PER_LINE;
const BYTES = 3 * PAYLOAD_BYTES;

/** How long a thread sleeps before it looks again, in ms: a lost wake-up costs a sample, not the measurement. */
const LOOK_AGAIN_MS = 1000;

/**
 * A caller and an answerer with a futex word each and 64 bytes between them, nothing else: what any protocol between two
 * threads costs at least. Each word counts and is written by one side only; each lies on a cache line of its own.
 */
export class Line {
  static readonly bytes = BYTES;

  readonly #words: Int32Array;
  readonly #payload: Uint8Array;

  /** The line number `index` in a buffer of `Line.bytes` each. */
  constructor(buffer: SharedArrayBuffer, index = 0) {
    this.#words = new Int32Array(buffer, index * BYTES, BYTES / 4);
    this.#payload = new Uint8Array(buffer, index * BYTES + PAYLOAD * 4, PAYLOAD_BYTES);
  }

  get rings(): number {
    return Atomics.load(this.#words, RING);
  }

  /** The caller rings with a payload. */
  ring(payload: Uint8Array): void {
    this.#payload.set(payload);
    Atomics.add(this.#words, RING, 1);
    Atomics.notify(this.#words, RING);
  }

  /** The answerer answers the last ring, and has read the payload. */
  answer(into: Uint8Array): void {
    into.set(this.#payload);
    Atomics.store(this.#words, ANSWER, this.rings);
    Atomics.notify(this.#words, ANSWER);
  }

  /** Blocks the caller until the last ring is answered. */
  waitForAnswer(): void {
    this.#block(ANSWER, () => this.#answered);
  }

  /** Blocks the answerer until there have been more than `rings` rings. */
  waitForRing(rings: number): void {
    this.#block(RING, () => this.rings !== rings);
  }

  /** The caller is a main thread: resolves when the last ring is answered. */
  async answered(): Promise<void> {
    await this.#sleep(ANSWER, () => this.#answered);
  }

  /** The answerer is a main thread: resolves when there have been more than `rings` rings. */
  async rung(rings: number): Promise<void> {
    await this.#sleep(RING, () => this.rings !== rings);
  }

  /** The bytes that travelled last. */
  read(into: Uint8Array): Uint8Array {
    into.set(this.#payload);
    return into;
  }

  get #answered(): boolean {
    return Atomics.load(this.#words, ANSWER) === Atomics.load(this.#words, RING);
  }

  /** A wait may return early, so the condition decides; the word is read before it, so a change between is seen. */
  #block(word: number, done: () => boolean): void {
    for (;;) {
      const value = Atomics.load(this.#words, word);
      if (done()) return;
      Atomics.wait(this.#words, word, value, LOOK_AGAIN_MS);
    }
  }

  async #sleep(word: number, done: () => boolean): Promise<void> {
    for (;;) {
      const value = Atomics.load(this.#words, word);
      if (done()) return;
      const waiting = Atomics.waitAsync(this.#words, word, value, LOOK_AGAIN_MS);
      if (waiting.async) await waiting.value;
    }
  }
}
