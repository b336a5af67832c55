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
