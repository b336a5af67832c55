import { mutexNames, Trace } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { Family, Invariant, MachineView } from '../types.js';
import { HotplugHolders } from './hotplug-holders.js';
import { HOTPLUG_READ, HOTPLUG_WRITE, LockOrder } from './lock-order.js';
import { mutexRules as rules } from './rules.js';

/** Answers of a trylock in its tracepoint. */
const ASKED = 0;
const GRANTED = 2;

/** Steps of cpu_hotplug's tracepoint besides 2, let go. */
const HOTPLUG_ASKED = 0;
const HOTPLUG_HELD = 1;

const NOBODY = 0;

/** MTX-1 to MTX-5. A task is its number; 0 is interrupt context. */
export class Mutexes implements Family {
  private readonly owners = new Float64Array(mutexNames.length);
  private readonly lockedAt: (Step | undefined)[] = [];
  private readonly order: LockOrder;
  private readonly hotplug = new HotplugHolders();
  /** Trylocks asked for and not answered: how often the task had slept, by task. */
  private readonly trying = new Map<number, { readonly slept: number; readonly step: Step }>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {
    this.order = new LockOrder(view, reporter);
  }

  readonly listeners: Family['listeners'] = [
    [Trace.mutexAcquire, (cpu, mutex, atomic, task) => this.acquire(cpu, mutex, atomic === 1, task)],
    [Trace.mutexLock, (cpu, mutex, task) => this.lock(cpu, mutex, task)],
    [Trace.mutexTrylock, (cpu, mutex, answer, task, slept) => this.trylock(cpu, mutex, answer, task, slept)],
    [Trace.mutexUnlock, (cpu, mutex, task) => this.unlock(cpu, mutex, task)],
    [Trace.hotplugLock, (cpu, task, writes, step) => this.hotplugLock(cpu, task, writes === 1, step)],
  ];

  audit(): void {}

  /** MTX-3, MTX-4: a task asks for a lock and may have to wait for it. */
  private acquire(cpu: number, mutex: number, atomic: boolean, task: number): void {
    if (atomic) this.fails(rules.notAtomic, cpu, mutex, undefined, 'acquired in atomic context');
    this.nest(cpu, task, mutex);
    const hotplug = this.hotplug.of(task);
    if (hotplug !== undefined) this.order.nest(cpu, hotplug.lock, mutex, hotplug.since);
  }

  /** MTX-4: the task may have to wait for whoever holds a lock, while it holds mutexes of its own. */
  private nest(cpu: number, task: number, lock: number): void {
    if (task === NOBODY) return;
    for (let held = 0; held < mutexNames.length; held++) {
      if (this.owners[held] === task) this.order.nest(cpu, held, lock, this.lockedAt[held]);
    }
  }

  /** A task that holds cpu_hotplug gets it again for reading without waiting. */
  private hotplugLock(cpu: number, task: number, writes: boolean, step: number): void {
    if (step === HOTPLUG_HELD) this.hotplug.hold(task, writes, this.view.where(cpu));
    else if (step !== HOTPLUG_ASKED) this.hotplug.letGo(task, writes);
    else if (this.hotplug.of(task) === undefined) {
      this.nest(cpu, task, HOTPLUG_WRITE);
      if (writes) this.nest(cpu, task, HOTPLUG_READ);
    }
  }

  /** MTX-1. */
  private lock(cpu: number, mutex: number, task: number): void {
    if (this.owners[mutex] !== NOBODY) {
      const detail = 'granted to a task while another one owns it';
      this.fails(rules.exclusive, cpu, mutex, this.lockedAt[mutex], detail);
    }
    this.owners[mutex] = task;
    this.lockedAt[mutex] = this.view.where(cpu);
  }

  /** MTX-5, and MTX-1 if it succeeds; MTX-3, since an interrupt cannot own a mutex. */
  private trylock(cpu: number, mutex: number, answer: number, task: number, slept: number): void {
    if (answer === ASKED) {
      if (task === NOBODY) this.fails(rules.notAtomic, cpu, mutex, undefined, 'tried for in interrupt context');
      this.trying.set(task, { slept, step: this.view.where(cpu) });
      return;
    }
    const asked = this.trying.get(task);
    this.trying.delete(task);
    if (asked !== undefined && asked.slept !== slept) {
      this.fails(rules.trylockNeverWaits, cpu, mutex, asked.step, 'the task slept in a trylock');
    }
    if (answer === GRANTED) this.lock(cpu, mutex, task);
  }

  /** MTX-2. */
  private unlock(cpu: number, mutex: number, task: number): void {
    if (this.owners[mutex] !== task || task === NOBODY) {
      const detail =
        this.owners[mutex] === NOBODY ? 'unlocked while nobody owns it' : 'unlocked by a task that does not own it';
      this.fails(rules.ownerUnlocks, cpu, mutex, this.lockedAt[mutex], detail);
    }
    this.owners[mutex] = NOBODY;
  }

  private fails(rule: Invariant, cpu: number, mutex: number, earlier: Step | undefined, detail: string): void {
    this.reporter.broken(rule, mutexNames[mutex] ?? '', earlier, this.view.where(cpu), detail);
  }
}
