import type { Handle, Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { slabRules } from './rules.js';

interface Tune {
  kicks: number;
  expected: number | null;
  readonly begin: Step;
}

/** SLAB-7: the kicks of each __do_tune_cpucache against what the kernel states. */
export class Tunes {
  private readonly running = new Map<number, Tune>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  begin(cpu: number): void {
    this.running.set(cpu, { kicks: 0, expected: null, begin: this.view.where(cpu) });
  }

  publish(cpu: number, previous: Handle): void {
    const tune = this.running.get(cpu);
    if (tune !== undefined) tune.expected = this.view.build.policies.slab.kicksPerPublish?.(previous) ?? null;
  }

  kick(cpu: number): void {
    const tune = this.running.get(cpu);
    if (tune !== undefined) tune.kicks++;
  }

  end(cpu: number, cache: Handle): void {
    const tune = this.running.get(cpu);
    this.running.delete(cpu);
    if (tune === undefined || tune.expected === null || tune.kicks === tune.expected) return;
    const detail = `${tune.kicks} kicks for one array set, this kernel makes ${tune.expected}`;
    this.reporter.broken(slabRules.kickCount, `cache ${cache.toString(16)}`, tune.begin, this.view.where(cpu), detail);
  }
}
