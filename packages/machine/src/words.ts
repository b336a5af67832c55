/**
 * Memory that is a growing array of numbers. Users keep the object and look at `view` at each access; only the owner
 * calls `ensure`. The owner may be another thread: an index outside `view` may exist once `refresh` has looked again.
 */
export interface Words {
  readonly view: Float64Array;
  /** Make at least `length` words usable; new ones are 0. */
  ensure(length: number): void;
  /** The view of all that the owner has made usable by now. */
  refresh(): Float64Array;
}

/** A view that has the word at this place, if there is one by now: the owner may have made it usable since the last look. */
export const viewTo = (words: Words, at: number): Float64Array =>
  at < words.view.length ? words.view : words.refresh();

/**
 * Makes the memory of one node: what its CPUs and its handlers share. Whoever attaches to a node's memory from another
 * thread repeats the same calls in the same order.
 */
export interface Memory {
  words(): Words;
  /** Integers for atomic operations, all 0. */
  integers(length: number): Int32Array;
}

/** Fewest words that growing memory gets at once. */
const LEAST_WORDS = 64;

/** How many words to make usable when `length` are needed and there are `now`. What grows once grows again, so that gets more. */
export const roomFor = (length: number, now: number): number => Math.max(LEAST_WORDS, now === 0 ? length : 2 * length);

class PrivateWords implements Words {
  view = new Float64Array(0);
  /** The longest view so far: whoever sets `view` back to an earlier one need not make the next one again. */
  #longest = this.view;

  ensure(length: number): void {
    const { view } = this;
    if (length <= view.length) return;
    if (length > this.#longest.length) this.#longest = new Float64Array(roomFor(length, view.length));
    const grown = this.#longest;
    grown.set(view);
    grown.fill(0, view.length);
    this.view = grown;
  }

  refresh(): Float64Array {
    return this.view;
  }
}

/** Memory of a machine in one thread. */
export class PrivateMemory implements Memory {
  words(): Words {
    return new PrivateWords();
  }

  integers(length: number): Int32Array {
    return new Int32Array(length);
  }
}
