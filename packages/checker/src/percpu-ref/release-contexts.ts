import { spinlockNames } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { refRules } from './rules.js';

/** REF-6: what release functions do, which may run in softirq or with interrupts off. */
export class ReleaseContexts {
  /** Release functions in progress on each CPU. */
  private readonly depths: number[];
  /** Per spinlock: where it was taken in a release function, and where with interrupts on. */
  private readonly inRelease = new Map<number, Step>();
  private readonly irqsOn = new Map<number, Step>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {
    this.depths = new Array(view.topology.cpuCount).fill(0);
  }

  beginRelease(cpu: number): void {
    (this.depths[cpu] as number)++;
  }

  endRelease(cpu: number): void {
    (this.depths[cpu] as number)--;
  }

  sleep(cpu: number): void {
    if (this.depths[cpu] === 0) return;
    const detail = 'a release function takes a sleeping lock';
    this.reporter.broken(refRules.releaseContext, 'release function', undefined, this.view.where(cpu), detail);
  }

  /** The lock may deadlock some day; here it does so only if the interrupt comes just then. */
  lock(cpu: number, lock: number, irqsOff: boolean): void {
    const releasing = this.depths[cpu] !== 0;
    if (!releasing && irqsOff) return;
    const now = this.view.where(cpu);
    if (releasing && !this.inRelease.has(lock)) this.inRelease.set(lock, now);
    if (!irqsOff && !this.irqsOn.has(lock)) this.irqsOn.set(lock, now);
    const earlier = releasing ? this.irqsOn.get(lock) : this.inRelease.get(lock);
    if (earlier === undefined) return;
    const detail = 'taken by a release function, and elsewhere with interrupts on';
    const object = `spinlock ${spinlockNames[lock]}`;
    this.reporter.brokenSoFar(refRules.releaseContext, object, earlier, now, detail);
  }
}
