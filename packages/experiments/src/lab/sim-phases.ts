import type { SimMachine } from '@kmemlab/machine-sim';
import type { Recorder } from '@kmemlab/results';
import type { PhaseRecord } from './phase-record.js';
import type { Reading } from './reading.js';
import { readCounters } from './sim-observed.js';

/** Reads the deterministic machine at each phase mark. */
export class SimPhases {
  readonly records: PhaseRecord[] = [];
  private mark: Reading;

  constructor(
    private readonly machine: SimMachine,
    private readonly recorder: Recorder,
  ) {
    this.mark = readCounters(machine);
  }

  end(name: string): void {
    const to = readCounters(this.machine);
    this.records.push({ name, from: this.mark, to, durations: this.recorder.next() });
    this.mark = to;
  }
}
