/** Interrupt vectors as bit numbers; a lower number is taken first. x86 names. */
export const Vector = {
  /** Function call interrupts of mask calls (row CAL). */
  callFunction: 0,
  /** Function call interrupts of single calls (row CAL). */
  callFunctionSingle: 1,
  /** Cross-CPU wake-ups (row RES). */
  reschedule: 2,
  /** Local timer interrupts (row LOC). */
  localTimer: 3,
} as const;

export const VECTOR_COUNT = 4;

export const isCallFunction = (vector: number): boolean =>
  vector === Vector.callFunction || vector === Vector.callFunctionSingle;

/** Interrupts raised at one CPU and not yet taken by it. */
export class PendingInterrupts {
  private vectors = 0;
  private readonly raisedAt = new Float64Array(VECTOR_COUNT);

  get any(): boolean {
    return this.vectors !== 0;
  }

  /** How many of the two call-function vectors are pending. */
  get callFunctions(): number {
    return ((this.vectors >> Vector.callFunction) & 1) + ((this.vectors >> Vector.callFunctionSingle) & 1);
  }

  /** Set the vector pending. False if it was already: the interrupts merge. */
  raise(vector: number, time: number): boolean {
    const bit = 1 << vector;
    if ((this.vectors & bit) !== 0) return false;
    this.vectors |= bit;
    this.raisedAt[vector] = time;
    return true;
  }

  /** When the vector was last set pending, ns; its handler may ask, too. */
  raisedTime(vector: number): number {
    return this.raisedAt[vector] ?? 0;
  }

  /** Take the lowest of the pending vectors. */
  take(): number {
    const vector = 31 - Math.clz32(this.vectors & -this.vectors);
    this.vectors &= ~(1 << vector);
    return vector;
  }
}
