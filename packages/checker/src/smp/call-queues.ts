import { HotplugStep } from '@kmemlab/kernel';
import type { Reporter } from '../reporter.js';
import type { MachineView, Rest } from '../types.js';
import type { CallsInFlight, Csd } from './calls-in-flight.js';
import { smpRules } from './rules.js';

const describe = (csd: Csd): string => `csd of CPU${csd.call.sender} for CPU${csd.target}`;

/** SMP-1 and SMP-2: the call queue of each CPU, and what its handler makes of it. */
export class CallQueues {
  private readonly queued: Float64Array;
  private readonly taken: Float64Array;
  private readonly executed: Float64Array;
  private readonly latest: Float64Array;
  private readonly handling: Uint8Array;
  /** 1 for a CPU that has died and is not online again. */
  private readonly dead: Uint8Array;

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    private readonly calls: CallsInFlight,
  ) {
    const { cpuCount } = view.topology;
    this.queued = new Float64Array(cpuCount);
    this.taken = new Float64Array(cpuCount);
    this.executed = new Float64Array(cpuCount);
    this.latest = new Float64Array(cpuCount);
    this.handling = new Uint8Array(cpuCount);
    this.dead = new Uint8Array(cpuCount);
  }

  /** A CPU dies or is online again. SMP-1: what is in the queue of a CPU that dies has been run. */
  hotplug(cpu: number, step: number): void {
    this.dead[cpu] = Number(step === HotplugStep.dead);
    if (step === HotplugStep.dead && this.executed[cpu] !== this.queued[cpu])
      this.lost(cpu, this.queued[cpu] as number);
  }

  /** A csd joins the target's queue. Answers whether it was empty. */
  add(csd: Csd): boolean {
    const { target } = csd;
    if (this.dead[target] === 1) {
      const detail = 'a call enters the queue of a CPU that is offline';
      const where = this.view.where(csd.call.sender);
      this.reporter.broken(smpRules.exactlyOnce, describe(csd), csd.call.begin, where, detail);
    }
    const wasEmpty = this.queued[target] === this.taken[target];
    csd.order = (this.queued[target] as number) + 1;
    this.queued[target] = csd.order;
    return wasEmpty;
  }

  handlerStarts(cpu: number): void {
    this.handling[cpu] = 1;
  }

  /** The handler takes the whole queue. */
  take(cpu: number): void {
    this.taken[cpu] = this.queued[cpu] as number;
  }

  /** SMP-1, SMP-2: the CPU starts the function of a csd. */
  execute(cpu: number, sender: number, csd: Csd | undefined, irqsOff: boolean): void {
    const { reporter, view } = this;
    if (csd === undefined || csd.executed) {
      const detail = 'the call’s function is executed a second time';
      reporter.broken(smpRules.exactlyOnce, `csd of CPU${sender}`, csd?.call.begin, view.where(cpu), detail);
      return;
    }
    const object = describe(csd);
    const fails = (detail: string): void =>
      reporter.broken(smpRules.exactlyOnce, object, csd.call.begin, view.where(cpu), detail);
    if (csd.target !== cpu) fails(`executed on CPU${cpu}`);
    else if (csd.order === 0) fails('executed without having been queued');
    else if (!irqsOff) fails('executed with interrupts on');
    else if (csd.order < (this.latest[cpu] as number)) {
      const detail = 'a call that was queued later has been executed before this one';
      reporter.broken(smpRules.inOrder, object, csd.call.begin, view.where(cpu), detail);
    }
    csd.executed = true;
    this.latest[cpu] = csd.order;
    this.executed[cpu] = (this.executed[cpu] as number) + 1;
  }

  /** SMP-1: the handler has run all that it took. */
  done(cpu: number): void {
    this.handling[cpu] = 0;
    if (this.executed[cpu] !== this.taken[cpu]) this.lost(cpu, this.taken[cpu] as number);
  }

  /** SMP-1: with no interrupt on its way, no queue may hold a call that no handler is about to run. */
  audit(rest: Rest): void {
    for (let cpu = 0; cpu < this.view.topology.cpuCount; cpu++) {
      if (this.handling[cpu] === 1 && rest === 'interrupts') continue;
      if (this.executed[cpu] !== this.queued[cpu]) this.lost(cpu, this.queued[cpu] as number);
    }
  }

  private lost(cpu: number, upTo: number): void {
    const csd = this.calls.oldestWaiting(cpu, upTo);
    const object = csd === undefined ? `call queue of CPU${cpu}` : describe(csd);
    const detail = 'a queued call was never executed';
    this.reporter.broken(smpRules.exactlyOnce, object, csd?.call.begin, this.view.where(cpu), detail);
  }
}
