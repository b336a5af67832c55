import { HotplugStep, Trace, workqueues } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { Family, Invariant, MachineView, Rest } from '../types.js';
import { Flushes } from './flushes.js';
import { workqueueRules as rules } from './rules.js';
import { type WorkState, WorkStates } from './work-states.js';

const nameOf = (work: Handle): string => `work item ${work.toString(16)}`;

/** The CPU under which an execution counts: that of its pool, or of its worker if the pool belongs to none. */
const slotOf = (pool: number, cpu: number): number => (pool < 0 ? cpu : pool);

const attributesOf = (queue: number): (typeof workqueues)[number] => workqueues[queue] as (typeof workqueues)[number];

/** WQ-1 to WQ-6. */
export class Workqueues implements Family {
  private readonly states = new WorkStates();
  private readonly flushes: Flushes;
  /** Executions in progress, by workqueue and CPU of the pool (of an unbound one: of the worker); and in the whole system. */
  private readonly active: Int32Array;
  private readonly activeInAll = new Int32Array(workqueues.length);
  /** Place of the item that an ordered workqueue started last. */
  private readonly started = new Float64Array(workqueues.length);
  /** How often each CPU has been going down, and 1 while it is not. */
  private readonly downs: Int32Array;
  private readonly takesTasks: Uint8Array;
  /** An item that each workqueue is executing, for verdicts. */
  private readonly latest: (WorkState | undefined)[] = [];

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {
    this.active = new Int32Array(workqueues.length * view.topology.cpuCount);
    this.downs = new Int32Array(view.topology.cpuCount);
    this.takesTasks = new Uint8Array(view.topology.cpuCount).fill(1);
    this.flushes = new Flushes(view, reporter);
  }

  readonly listeners: Family['listeners'] = [
    [Trace.workQueue, (cpu, work, queued, target) => this.queued(cpu, work, queued === 1, target)],
    [Trace.workInsert, (cpu, work, queue, pool) => this.insert(cpu, work, queue, pool)],
    [Trace.workStart, (cpu, work, queue) => this.start(cpu, work, queue)],
    [Trace.workEnd, (_cpu, work, queue) => this.end(work, queue)],
    [Trace.workCancel, (_cpu, work, queue, cleared) => this.cancel(work, queue, cleared === 1)],
    [Trace.workFree, (cpu, work) => this.freed(cpu, work)],
    [Trace.hotplug, (cpu, step) => this.hotplug(cpu, step)],
    [Trace.flushBegin, (cpu, queue, number) => this.flushes.begin(cpu, queue, number)],
    [Trace.flushEnd, (cpu, queue, number) => this.flushes.end(cpu, queue, number)],
  ];

  /** WQ-1: on a quiet machine no item waits for its execution. */
  audit(rest: Rest): void {
    if (rest === 'interrupts') return;
    const lost = this.states.firstPending();
    if (lost !== undefined) this.fails(rules.exactlyOnce, lost.queuedBy, lost, 'queued, but never executed');
  }

  /** WQ-1: PENDING is tested and set. */
  private queued(cpu: number, work: Handle, queued: boolean, target: number): void {
    const state = this.states.obtain(work);
    if (queued === state.pending) {
      const detail = queued ? 'queued again while it is pending' : 'refused although no execution is to come';
      this.fails(rules.exactlyOnce, cpu, state, detail);
    }
    if (!queued) return;
    state.pending = true;
    state.queuedBy = cpu;
    state.queuedFor = target;
    state.ranOn = state.runningOn;
    state.queuedAt = this.view.where(cpu);
  }

  private hotplug(cpu: number, step: number): void {
    this.takesTasks[cpu] = Number(step === HotplugStep.online);
    if (step === HotplugStep.inactive) this.downs[cpu] = (this.downs[cpu] as number) + 1;
  }

  /** An rcu_work is queued by the CPU that runs its callback. */
  private insert(cpu: number, work: Handle, queue: number, pool: number): void {
    const state = this.states.obtain(work);
    if (state.queuedFor < 0) state.queuedFor = cpu;
    state.pool = pool;
    state.poolDowns = this.downs[pool] ?? 0;
    state.place = this.flushes.insert(queue, state);
  }

  /** WQ-1, WQ-2, WQ-3, WQ-6: PENDING is cleared, the function is about to start. */
  private start(cpu: number, work: Handle, queue: number): void {
    const state = this.states.obtain(work);
    if (state.runningOn >= 0) {
      const detail = `started on CPU${cpu} while CPU${state.runningOn} executes it`;
      const object = nameOf(work);
      this.reporter.broken(rules.notTwice, object, state.startedAt, this.view.where(cpu), detail);
    }
    if (!state.pending) this.fails(rules.exactlyOnce, cpu, state, 'executed without having been queued');
    this.count(cpu, queue, state);
    this.checkBound(cpu, queue, state);
    state.pending = false;
    state.runningOn = cpu;
    state.runningPlace = state.place;
    state.runningPool = slotOf(state.pool, cpu);
    state.startedAt = this.view.where(cpu);
    this.latest[queue] = state;
  }

  /** WQ-3. */
  private count(cpu: number, queue: number, state: WorkState): void {
    const { type, maxActive, name } = attributesOf(queue);
    const slot = queue * this.view.topology.cpuCount + slotOf(state.pool, cpu);
    const here = (this.active[slot] as number) + 1;
    const everywhere = (this.activeInAll[queue] as number) + 1;
    this.active[slot] = here;
    this.activeInAll[queue] = everywhere;
    const busy = type === 'ordered' ? everywhere : here;
    if (busy > maxActive) {
      const earlier = this.latest[queue]?.startedAt;
      const detail = `${busy} items of ${name} are executed at a time, max_active is ${maxActive}`;
      this.reporter.broken(rules.maxActive, name, earlier, this.view.where(cpu), detail);
    }
    if (type !== 'ordered') return;
    if (state.place !== (this.started[queue] as number) + 1) {
      this.fails(rules.maxActive, cpu, state, `${name} starts an item before one that was queued earlier`);
    }
    this.started[queue] = state.place;
  }

  /** WQ-6. An item of a pool whose CPU has been going down since it was queued, or is down, may run anywhere. */
  private checkBound(cpu: number, queue: number, state: WorkState): void {
    const { pool } = state;
    if (attributesOf(queue).type !== 'bound' || cpu === state.queuedFor || cpu === state.ranOn) return;
    if (pool >= 0 && (this.takesTasks[pool] === 0 || this.downs[pool] !== state.poolDowns)) return;
    this.fails(rules.bound, cpu, state, `queued for CPU${state.queuedFor}, executed on CPU${cpu}`);
  }

  private end(work: Handle, queue: number): void {
    const state = this.states.get(work);
    if (state === undefined) return;
    const slot = queue * this.view.topology.cpuCount + state.runningPool;
    this.active[slot] = (this.active[slot] as number) - 1;
    this.activeInAll[queue] = (this.activeInAll[queue] as number) - 1;
    this.flushes.finish(queue, state.runningPlace);
    state.runningOn = -1;
    this.states.settle(state);
  }

  /** A pending item is not executed any more: nobody waits for that. */
  private cancel(work: Handle, queue: number, cleared: boolean): void {
    const state = this.states.get(work);
    if (state === undefined) return;
    if (!cleared) this.flushes.finish(queue, state.place);
    else state.pending = false;
    this.states.settle(state);
  }

  /** WQ-5. */
  private freed(cpu: number, work: Handle): void {
    const state = this.states.get(work);
    if (state?.pending) this.fails(rules.validItem, cpu, state, 'freed while it is queued');
  }

  private fails(rule: Invariant, cpu: number, state: WorkState, detail: string): void {
    this.reporter.broken(rule, nameOf(state.work), state.queuedAt, this.view.where(Math.max(cpu, 0)), detail);
  }
}
