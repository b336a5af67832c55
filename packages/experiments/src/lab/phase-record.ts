import type { PhaseDurations } from '@kmemlab/results';
import type { Reading } from './reading.js';

/** One phase as it was: the readings at its marks and its durations. */
export interface PhaseRecord {
  readonly name: string;
  readonly from: Reading;
  readonly to: Reading;
  readonly durations: PhaseDurations;
}
