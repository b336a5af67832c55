import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { smpRules } from './rules.js';

/**
 * SMP-5: when kick_all_cpus_sync, or another waiting call of all CPUs, returns, no other CPU may be in the same interrupts-off
 * region as at its beginning; so it must have called each. A CPU that goes down meanwhile answers on its way.
 */
export class IrqRegions {
  private readonly snapshots: (Float64Array | undefined)[] = [];
  private readonly begins: (Step | undefined)[] = [];
  /** By sender, the CPUs that were online at the beginning and have not been called since. */
  private readonly uncalled: (Set<number> | undefined)[] = [];

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  callBegins(sender: number): void {
    const { cpuCount } = this.view.topology;
    const snapshot = this.snapshots[sender] ?? new Float64Array(cpuCount);
    for (let cpu = 0; cpu < cpuCount; cpu++) snapshot[cpu] = this.view.irqRegion(cpu);
    this.snapshots[sender] = snapshot;
    this.begins[sender] = this.view.where(sender);
    const online = this.view.nodes[0]?.published.onlineCpus() ?? [];
    this.uncalled[sender] = new Set(online.filter((cpu) => cpu !== sender));
  }

  /** A CPU is called, by this call or another one of the sender. */
  called(sender: number, target: number): void {
    this.uncalled[sender]?.delete(target);
  }

  callReturns(sender: number): void {
    const snapshot = this.snapshots[sender];
    const uncalled = this.uncalled[sender];
    if (snapshot === undefined || uncalled === undefined) return;
    for (const cpu of uncalled) if (this.isOnline(cpu)) this.fails(sender, `CPU${cpu} was not called`);
    for (const [cpu, region] of snapshot.entries()) {
      if (cpu === sender || region % 2 === 0 || region !== this.view.irqRegion(cpu) || !this.isOnline(cpu)) continue;
      this.fails(sender, `CPU${cpu} has had interrupts off since before it: ${this.view.where(cpu).function}`);
    }
  }

  private fails(sender: number, detail: string): void {
    const name = `call of all CPUs by CPU${sender}`;
    this.reporter.broken(smpRules.leavesRegions, name, this.begins[sender], this.view.where(sender), detail);
  }

  private isOnline(cpu: number): boolean {
    return this.view.nodes[0]?.published.isOnline(cpu) ?? true;
  }
}
