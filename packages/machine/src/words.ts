/**
 * Memory that is a growing array of numbers. Readers keep the object and look at `view` at each access; only the owner
 * calls `ensure`. A machine of several threads backs it by memory that they share.
 */
export interface Words {
  readonly view: Float64Array;
  /** Make at least `length` words usable; new ones are 0. */
  ensure(length: number): void;
}

/** Words of a machine in one thread. */
export class PrivateWords implements Words {
  view = new Float64Array(0);

  ensure(length: number): void {
    if (length <= this.view.length) return;
    const grown = new Float64Array(Math.max(64, 2 * length));
    grown.set(this.view);
    this.view = grown;
  }
}

/** Makes the memory of a node's replica of published state. */
export type NewWords = () => Words;

export const newPrivateWords: NewWords = () => new PrivateWords();
