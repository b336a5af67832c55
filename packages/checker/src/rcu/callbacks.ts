import { functionName, functionNumber } from '@kmemlab/kernel';
import { Reporter } from '../reporter.js';
import type { Invariant, MachineView } from '../types.js';
import type { GracePeriods } from './grace-periods.js';
import type { ReadSections } from './read-sections.js';
import { rcuRules as rules } from './rules.js';

/** Callbacks that one CPU has queued and that have not started; those of before it went down are apart, and may run elsewhere. */
interface Line {
  /** By serial number, oldest first. */
  readonly serials: Set<number>;
  orphaned: boolean;
}

/** A callback from its queueing until it has returned. */
interface Callback {
  readonly fn: number;
  readonly data: number;
  readonly serial: number;
  readonly cpu: number;
  readonly time: number;
  /** Its place among all of its flavour. */
  readonly place: number;
  readonly line: Line;
  /** Grace periods of the flavour that had started when it was queued, and the read sections in progress then. */
  readonly startedBefore: number;
  readonly sections: ReturnType<ReadSections['inProgress']>;
}

/** RCU-1, RCU-2, RCU-5 and RCU-11: the callbacks of one flavour. */
export class Callbacks {
  /** By serial number, in the order of queueing. */
  private readonly pending = new Map<number, Callback>();
  /** Those that have not started, by function and data: an rcu_head is known by what it is for. */
  private readonly heads = new Map<number, Map<number, Callback>>();
  private readonly lines: Line[] = [];
  private queuedInAll = 0;
  /** Each CPU queues one with the same data. */
  private readonly ofBarrier = functionNumber('rcu', 'rcu_barrier_callback');

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    private readonly reads: ReadSections,
    private readonly periods: GracePeriods,
    private readonly consolidated: boolean,
  ) {}

  queued(cpu: number, fn: number, data: number, serial: number): void {
    const heads = this.heads.get(fn) ?? new Map<number, Callback>();
    this.heads.set(fn, heads);
    const before = heads.get(data);
    if (before !== undefined) this.fails(rules.queuedOnce, cpu, before, 'queued again before its callback has started');
    const line = this.lines[cpu] ?? { serials: new Set<number>(), orphaned: false };
    this.lines[cpu] = line;
    const { flavour, started } = this.periods;
    const sections = this.reads.inProgress(flavour, this.consolidated);
    const place = ++this.queuedInAll;
    const time = this.view.now(cpu);
    const callback = { fn, data, serial, cpu, time, place, line, startedBefore: started, sections };
    line.serials.add(serial);
    this.pending.set(serial, callback);
    if (fn !== this.ofBarrier) heads.set(data, callback);
  }

  starts(cpu: number, serial: number): void {
    const callback = this.pending.get(serial);
    if (callback === undefined) return;
    const { fn, data, line, startedBefore, sections } = callback;
    const [first] = line.serials;
    if (first !== serial) this.fails(rules.order, cpu, callback, `invoked before ${this.describe(first)}`);
    else if (cpu !== callback.cpu && !line.orphaned) this.fails(rules.order, cpu, callback, `invoked on CPU${cpu}`);
    line.serials.delete(serial);
    this.heads.get(fn)?.delete(data);
    if (this.periods.ended <= startedBefore) {
      this.fails(rules.callback, cpu, callback, 'no grace period that began after it was queued has ended');
    }
    const open = this.reads.stillOpen(sections, cpu);
    if (open === undefined) return;
    const detail = 'a read section that was in progress when it was queued is still in progress';
    this.reporter.broken(rules.callback, this.nameOf(callback), open, this.view.where(cpu), detail);
  }

  returned(serial: number): void {
    this.pending.delete(serial);
  }

  /** The CPU goes down: what it queues when it is up again may overtake what it queued before. */
  orphaned(cpu: number): void {
    const line = this.lines[cpu];
    if (line !== undefined) line.orphaned = true;
    delete this.lines[cpu];
  }

  /** Place of the callback queued last. */
  get last(): number {
    return this.queuedInAll;
  }

  /** RCU-5: a barrier that was asked for after the callback at `place` was queued returns. */
  barrierReturns(cpu: number, place: number): void {
    const [oldest] = this.pending.values();
    if (oldest === undefined || oldest.place > place) return;
    this.fails(rules.barrier, cpu, oldest, 'rcu_barrier returns, and it was queued before and has not been invoked');
  }

  private describe(serial: number | undefined): string {
    const callback = serial === undefined ? undefined : this.pending.get(serial);
    return callback === undefined ? 'one queued earlier' : `${this.nameOf(callback)}, which was queued earlier`;
  }

  private nameOf({ fn, data, cpu }: Callback): string {
    return `callback ${functionName('rcu', fn)}(${data.toString(16)}) of CPU${cpu}`;
  }

  private fails(rule: Invariant, cpu: number, callback: Callback, detail: string): void {
    const earlier = Reporter.past(callback.cpu, 'call_rcu', callback.time);
    this.reporter.broken(rule, this.nameOf(callback), earlier, this.view.where(cpu), detail);
  }
}
