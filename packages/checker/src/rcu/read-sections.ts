import { Flavour } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';

/** A read section, or a region with interrupts off, in which rcu_sched readers may be. */
interface Section {
  readonly flavour: number;
  readonly cpu: number;
  readonly time: number;
  depth: number;
  /** Core.irqRegion of a region with interrupts off; 0 for a read section. */
  readonly region: number;
}

const NONE: readonly Section[] = [];

/** The read sections in progress, by reader: a task, or the interrupts of a CPU. */
export class ReadSections {
  private readonly open = new Map<number, Section>();

  constructor(private readonly view: MachineView) {}

  /** @param task 0 in an interrupt */
  begin(flavour: number, cpu: number, task: number): void {
    const key = keyOf(flavour, cpu, task);
    const section = this.open.get(key);
    if (section !== undefined) section.depth++;
    else this.open.set(key, { flavour, cpu, time: this.view.now(cpu), depth: 1, region: 0 });
  }

  /** False if the reader has no section to end. */
  end(flavour: number, cpu: number, task: number): boolean {
    const key = keyOf(flavour, cpu, task);
    const section = this.open.get(key);
    if (section === undefined) return false;
    if (--section.depth === 0) this.open.delete(key);
    return true;
  }

  /** Where the task's section of a flavour began, if it is in one. */
  beganAt(flavour: number, cpu: number, task: number): Step | undefined {
    const section = this.open.get(keyOf(flavour, cpu, task));
    return section && stepOf(section);
  }

  /** The sections in progress for which a flavour has to wait: its own, all of them if there is only one flavour. */
  inProgress(flavour: number, consolidated: boolean): readonly Section[] {
    const { view } = this;
    let found: Section[] | undefined;
    for (const section of this.open.values()) {
      if (!consolidated && section.flavour !== flavour) continue;
      found ??= [];
      found.push(section);
    }
    if (flavour !== Flavour.sched && !consolidated) return found ?? NONE;
    for (let cpu = 0; cpu < view.topology.cpuCount; cpu++) {
      const region = view.irqRegion(cpu);
      if (region % 2 === 0) continue;
      found ??= [];
      found.push({ flavour, cpu, time: view.now(cpu), depth: 1, region });
    }
    return found ?? NONE;
  }

  /** Where one of these began that is still in progress, except on `self`, which runs the code that asks. */
  stillOpen(sections: readonly Section[], self: number): Step | undefined {
    const section = sections.find(({ depth, cpu, region }) =>
      region === 0 ? depth > 0 : cpu !== self && this.view.irqRegion(cpu) === region,
    );
    return section && stepOf(section);
  }
}

const KEYS_PER_READER = 4;

/** Tasks have numbers of both signs; the interrupts of a CPU get one between those. */
const keyOf = (flavour: number, cpu: number, task: number): number =>
  (task === 0 ? -cpu - 0.5 : task) * KEYS_PER_READER + flavour;

const stepOf = ({ cpu, time, region }: Section): Step =>
  Reporter.past(cpu, region === 0 ? 'rcu_read_lock' : 'interrupts off', time);
