import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import type { Call, CallsInFlight, Csd } from './calls-in-flight.js';
import type { OnlineCpus } from './online-cpus.js';
import { smpRules } from './rules.js';

/** What an interrupt is raised for, by the number in its tracepoint. */
export const RAISED_FOR = ['single', 'mask', 'wakeup'] as const;

type RaisedFor = (typeof RAISED_FOR)[number];

/** SMP-6, SMP-7 and SMP-10: which interrupts are raised, and how many handlers they start. */
export class Raises {
  private readonly sent: Float64Array;
  private readonly handled: Float64Array;
  /** Per target, the csd that has just been put into an empty queue and must be followed by an interrupt. */
  private readonly owed: (Csd | undefined)[];

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    private readonly calls: CallsInFlight,
    private readonly online: OnlineCpus,
  ) {
    const { cpuCount } = view.topology;
    this.sent = new Float64Array(cpuCount);
    this.handled = new Float64Array(cpuCount);
    this.owed = new Array(cpuCount).fill(undefined);
  }

  /** SMP-6: a csd has joined a queue; an empty one is owed an interrupt, unless the sender raises it for the whole mask. */
  queued(csd: Csd, wasEmpty: boolean): void {
    this.checkPaid(csd.target);
    const byMask = csd.call.mask && this.view.build.policies.smp.maskCallRings === 'everyTarget';
    if (wasEmpty && !byMask) this.owed[csd.target] = csd;
  }

  /** SMP-6, SMP-7: an interrupt is raised. */
  send(cpu: number, target: number, of: RaisedFor): void {
    this.sent[target] = (this.sent[target] as number) + 1;
    // A CPU that goes down wakes others when it is offline already; in 5.9 with a call.
    if ((this.online.count < 2 && of !== 'wakeup') || target === cpu) {
      const detail = target === cpu ? 'a CPU raises a call interrupt at itself' : 'only one CPU is online';
      this.fails(smpRules.noneAlone, cpu, target, this.calls.current(cpu), detail);
      return;
    }
    if (of === 'wakeup') return;
    if (this.owed[target] !== undefined) {
      this.owed[target] = undefined;
      return;
    }
    const call = this.calls.current(cpu);
    if (of === 'mask' && call !== undefined) call.raised++;
    else this.fails(smpRules.raises, cpu, target, call, 'an interrupt is raised although the call queue was not empty');
  }

  /** SMP-6, SMP-7: a call returns. */
  end(cpu: number, call: Call): void {
    const [first] = call.csds;
    if (call.mask && call.csds.length === 1 && first !== undefined) {
      this.fails(smpRules.noneAlone, cpu, first.target, call, 'a call to one CPU uses the interrupt of mask calls');
    }
    const expected = call.mask && this.view.build.policies.smp.maskCallRings === 'everyTarget' ? call.csds.length : 0;
    if (call.raised !== expected && first !== undefined) {
      const detail = `a mask call for ${call.csds.length} CPUs raised ${call.raised} interrupts`;
      this.fails(smpRules.raises, cpu, first.target, call, detail);
    }
  }

  /** SMP-10, and SMP-7 with one CPU: a handler starts. */
  handle(cpu: number): void {
    this.handled[cpu] = (this.handled[cpu] as number) + 1;
    if ((this.handled[cpu] as number) <= (this.sent[cpu] as number)) return;
    const rule = this.online.count < 2 ? smpRules.noneAlone : smpRules.countsMatch;
    this.fails(rule, cpu, cpu, undefined, 'a call interrupt is handled that no call has raised');
  }

  /** SMP-6: every empty queue that got a csd has had its interrupt. */
  auditOwed(): void {
    for (let cpu = 0; cpu < this.view.topology.cpuCount; cpu++) this.checkPaid(cpu);
  }

  /** SMP-10: with no interrupt on its way, raised, received and handled agree on every CPU. */
  auditCounts(): void {
    for (let cpu = 0; cpu < this.view.topology.cpuCount; cpu++) this.compareCounts(cpu);
  }

  private compareCounts(cpu: number): void {
    const { view } = this;
    const cal = view.nodes[view.topology.nodeOf(cpu)]?.words(cpu).interrupts.call ?? 0;
    const sent = this.sent[cpu] as number;
    const received = view.received(cpu);
    const merged = view.merged(cpu);
    if (cal === this.handled[cpu] && cal + merged === received && received === sent) return;
    const detail = `CAL ${cal}, handlers ${this.handled[cpu]}, merged ${merged}, received ${received}, raised ${sent}`;
    this.fails(smpRules.countsMatch, cpu, cpu, undefined, detail);
  }

  private checkPaid(target: number): void {
    const csd = this.owed[target];
    if (csd === undefined) return;
    this.fails(smpRules.raises, target, target, csd.call, 'a call entered an empty queue and no interrupt was raised');
  }

  private fails(
    rule: Parameters<Reporter['broken']>[0],
    cpu: number,
    target: number,
    call: Call | undefined,
    detail: string,
  ): void {
    this.reporter.broken(rule, `call interrupt of CPU${target}`, call?.begin, this.view.where(cpu), detail);
  }
}
