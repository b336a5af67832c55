import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { smpRules } from './rules.js';

/**
 * SMP-5, where the kernel relies on it: kick_all_cpus_sync. When it returns, no other CPU may be in the same
 * interrupts-off region as at its beginning.
 */
export class IrqRegions {
  private readonly snapshots: (Float64Array | undefined)[] = [];
  private readonly begins: (Step | undefined)[] = [];

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  kickBegins(sender: number): void {
    const { cpuCount } = this.view.topology;
    const snapshot = this.snapshots[sender] ?? new Float64Array(cpuCount);
    for (let cpu = 0; cpu < cpuCount; cpu++) snapshot[cpu] = this.view.irqRegion(cpu);
    this.snapshots[sender] = snapshot;
    this.begins[sender] = this.view.where(sender);
  }

  kickReturns(sender: number): void {
    const { cpuCount } = this.view.topology;
    const snapshot = this.snapshots[sender];
    if (snapshot === undefined) return;
    for (let cpu = 0; cpu < cpuCount; cpu++) {
      const region = snapshot[cpu] as number;
      if (cpu === sender || region % 2 === 0 || region !== this.view.irqRegion(cpu)) continue;
      const detail = `CPU${cpu} has had interrupts off since before the kick: ${this.view.where(cpu).function}`;
      this.reporter.broken(
        smpRules.leavesRegions,
        `kick by CPU${sender}`,
        this.begins[sender],
        this.view.where(sender),
        detail,
      );
    }
  }
}
