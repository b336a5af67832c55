import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { smpRules } from './rules.js';

/** A waiting call of all CPUs from its beginning, by CPU. */
interface CallOfAll {
  begin: Step;
  /** The interrupts-off region then, odd while in one. */
  readonly regions: Float64Array;
  /** 1 for a CPU that was online and has not been called since. */
  readonly uncalled: Uint8Array;
}

/**
 * SMP-5: when a waiting call of all CPUs returns, such as that of kick_all_cpus_sync, no other CPU may be in the same
 * interrupts-off region as at its beginning; so it must have called each. A CPU that goes down meanwhile answers on its way.
 */
export class IrqRegions {
  /** The latest of each sender. */
  private readonly calls: (CallOfAll | undefined)[] = [];

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  callBegins(sender: number): void {
    const { cpuCount } = this.view.topology;
    const begin = this.view.where(sender);
    const known = this.calls[sender];
    const call = known ?? { begin, regions: new Float64Array(cpuCount), uncalled: new Uint8Array(cpuCount) };
    call.begin = begin;
    for (let cpu = 0; cpu < cpuCount; cpu++) {
      call.regions[cpu] = this.view.irqRegion(cpu);
      call.uncalled[cpu] = Number(cpu !== sender && this.isOnline(cpu));
    }
    this.calls[sender] = call;
  }

  /** A CPU is called, by this call or another one of the sender. */
  called(sender: number, target: number): void {
    const call = this.calls[sender];
    if (call !== undefined) call.uncalled[target] = 0;
  }

  callReturns(sender: number): void {
    const call = this.calls[sender];
    if (call === undefined) return;
    for (const [cpu, region] of call.regions.entries()) {
      if (cpu === sender || !this.isOnline(cpu)) continue;
      if (call.uncalled[cpu] === 1) this.fails(sender, call, `CPU${cpu} was not called`);
      else if (region % 2 === 1 && region === this.view.irqRegion(cpu)) {
        const { function: name } = this.view.where(cpu);
        this.fails(sender, call, `CPU${cpu} has had interrupts off since before it: ${name}`);
      }
    }
  }

  private fails(sender: number, { begin }: CallOfAll, detail: string): void {
    const name = `call of all CPUs by CPU${sender}`;
    this.reporter.broken(smpRules.leavesRegions, name, begin, this.view.where(sender), detail);
  }

  private isOnline(cpu: number): boolean {
    return this.view.nodes[0]?.published.isOnline(cpu) ?? true;
  }
}
