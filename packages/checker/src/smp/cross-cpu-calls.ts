import { Trace } from '@kmemlab/kernel';
import type { Reporter } from '../reporter.js';
import type { Family, MachineView, Rest } from '../types.js';
import { AnsweredCalls } from './answered-calls.js';
import { CallQueues } from './call-queues.js';
import { CallsInFlight } from './calls-in-flight.js';
import { IrqRegions } from './irq-regions.js';
import { OnlineCpus } from './online-cpus.js';
import { RAISED_FOR, Raises } from './raises.js';
import { smpRules } from './rules.js';
import { Visibility } from './visibility.js';

/** SMP-1 to SMP-10. SMP-3, SMP-8 and SMP-9 are checked here, the others in the classes that this one informs. */
export class CrossCpuCalls implements Family {
  readonly answered: AnsweredCalls;
  private readonly calls: CallsInFlight;
  private readonly queues: CallQueues;
  private readonly raises: Raises;
  private readonly regions: IrqRegions;
  private readonly visibility: Visibility;
  private readonly cpuCount: number;
  /** Waiter of the csd in use of each (sender, target), and, after those, of each sender's asynchronous csd; 0 if free. */
  private readonly inUse: Map<number, number> = new Map();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {
    this.cpuCount = view.topology.cpuCount;
    this.calls = new CallsInFlight(this.cpuCount);
    this.answered = new AnsweredCalls(this.cpuCount);
    this.queues = new CallQueues(view, reporter, this.calls);
    this.raises = new Raises(view, reporter, this.calls, new OnlineCpus(view));
    this.regions = new IrqRegions(view, reporter);
    this.visibility = new Visibility(view, reporter);
  }

  readonly listeners: Family['listeners'] = [
    [
      Trace.callBegin,
      (cpu, number, irqsOff, spinlocks, wait) => this.begin(cpu, number, irqsOff, spinlocks, wait === 1),
    ],
    [Trace.callEnd, (cpu) => this.end(cpu)],
    [Trace.csdLock, (cpu, target, waiter, mask, info) => this.lock(cpu, target, waiter, mask === 1, info)],
    [Trace.csdQueue, (cpu, target, _sender, waiter) => this.queue(cpu, target, waiter)],
    [Trace.callQueue, (cpu, done) => (done === 1 ? this.queues.done(cpu) : this.queues.take(cpu))],
    [Trace.csdExecute, (cpu, sender, waiter, irqsOff, info) => this.execute(cpu, sender, waiter, irqsOff === 1, info)],
    [Trace.csdReturn, (_cpu, _sender, waiter) => this.returned(waiter)],
    [Trace.csdUnlock, (_cpu, _sender, waiter) => this.unlock(waiter)],
    [Trace.hotplug, (cpu, step) => this.queues.hotplug(cpu, step)],
    [Trace.ipiSend, (cpu, target, _vector, _wasEmpty, of) => this.raises.send(cpu, target, RAISED_FOR[of] ?? 'single')],
    [Trace.ipiHandle, (cpu) => this.handle(cpu)],
    [Trace.callAll, (cpu, done) => (done === 1 ? this.regions.callReturns(cpu) : this.regions.callBegins(cpu))],
    [
      Trace.arrayPublish,
      (cpu, cache, set, _previous, swapped) => this.visibility.publish(cpu, cache, set, swapped === 1),
    ],
    [Trace.cacheRelease, (_cpu, cache) => this.visibility.release(cache)],
  ];

  audit(rest: Rest): void {
    this.raises.auditOwed();
    this.queues.audit(rest);
    if (rest !== 'stuck') this.raises.auditCounts();
  }

  private begin(cpu: number, number: number, irqsOff: number, spinlocks: number, waits: boolean): void {
    const begin = this.view.where(cpu);
    if (waits && (irqsOff === 1 || spinlocks > 0)) {
      const held = irqsOff === 1 ? 'with interrupts off' : `holding ${spinlocks} spinlocks`;
      this.reporter.brokenSoFar(
        smpRules.mayWait,
        `call of CPU${cpu}`,
        undefined,
        begin,
        `waits for other CPUs ${held}`,
      );
    }
    const began = this.answered.next();
    this.calls.begin({ sender: cpu, number, begin, began, waits, csds: [], mask: false, raised: 0 });
  }

  private end(cpu: number): void {
    const call = this.calls.end(cpu);
    if (call === undefined) return;
    this.raises.end(cpu, call);
    if (!call.waits) return;
    const running = call.csds.find((csd) => !csd.returned);
    if (running !== undefined) {
      const detail = `the call returns while its function has not returned on CPU${running.target}`;
      this.reporter.broken(smpRules.waitsForAll, `call of CPU${cpu}`, call.begin, this.view.where(cpu), detail);
    }
    this.visibility.end(cpu, call);
    for (const csd of call.csds) this.answered.answered(csd.target, call.began);
  }

  private lock(cpu: number, target: number, waiter: number, mask: boolean, info: number): void {
    this.regions.called(cpu, target);
    const call = this.calls.current(cpu);
    if (call === undefined) return;
    call.mask ||= mask;
    if (mask || !call.waits) {
      const slot = mask ? cpu * this.cpuCount + target : -1 - cpu;
      const previous = this.calls.get(this.inUse.get(slot) ?? 0);
      if (previous !== undefined && !previous.unlocked) {
        const detail = `the csd for CPU${previous.target} is used again before that CPU has released it`;
        this.reporter.broken(smpRules.noReuse, `csd of CPU${cpu}`, previous.call.begin, this.view.where(cpu), detail);
      }
      this.inUse.set(slot, waiter);
    }
    const flags = { executed: false, returned: false, unlocked: false, startedAt: 0 };
    this.calls.add({ waiter, target, info, call, order: 0, ...flags });
  }

  private queue(cpu: number, target: number, waiter: number): void {
    const csd = this.calls.get(waiter);
    if (csd === undefined || csd.order !== 0) {
      const detail = 'a csd enters a call queue that its sender has not taken for this call';
      this.reporter.broken(smpRules.noReuse, `csd for CPU${target}`, csd?.call.begin, this.view.where(cpu), detail);
      return;
    }
    this.raises.queued(csd, this.queues.add(csd));
  }

  private execute(cpu: number, sender: number, waiter: number, irqsOff: boolean, info: number): void {
    const csd = this.calls.get(waiter);
    this.queues.execute(cpu, sender, csd, irqsOff);
    if (csd !== undefined) this.visibility.execute(cpu, csd, info);
  }

  private returned(waiter: number): void {
    const csd = this.calls.get(waiter);
    if (csd === undefined) return;
    csd.returned = true;
    this.calls.settle(csd);
  }

  private unlock(waiter: number): void {
    const csd = this.calls.get(waiter);
    if (csd === undefined) return;
    csd.unlocked = true;
    this.calls.settle(csd);
  }

  private handle(cpu: number): void {
    this.queues.handlerStarts(cpu);
    this.raises.handle(cpu);
  }
}
