import type { Flavour, KernelNode } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import { Reporter } from '../reporter.js';
import type { Invariant, MachineView } from '../types.js';
import { rcuRules as rules } from './rules.js';

/** RCU-3 and RCU-4: the grace periods of one flavour. */
export class GracePeriods {
  /** Numbers of the one that started last and of the one that ended last. */
  started = 0;
  ended = 0;
  /** CPUs that were online at its start and have not reported. */
  private readonly owing = new Set<number>();
  private readonly reported = new Set<number>();
  private startedAt: Step | undefined = undefined;

  constructor(
    readonly flavour: Flavour,
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  starts(cpu: number, gp: number): void {
    this.started = gp;
    this.startedAt = Reporter.past(cpu, 'rcu_gp_init', this.view.now(cpu));
    this.owing.clear();
    this.reported.clear();
    for (const online of this.view.nodes[0]?.published.onlineCpus() ?? []) this.owing.add(online);
  }

  ends(cpu: number, gp: number): void {
    this.ended = gp;
    const [missing] = this.owing;
    if (missing === undefined) return;
    this.fails(rules.everyCpu, cpu, `it ends, but CPU${missing}, online at its start, has passed no quiescent state`);
  }

  /** A report of this CPU was accepted. */
  quiescent(cpu: number, gp: number): void {
    if (gp !== this.started || this.ended === gp) {
      this.fails(rules.everyCpu, cpu, `CPU${cpu} has reported for grace period ${gp}, which is not in progress`);
    } else if (this.reported.has(cpu)) {
      this.fails(rules.everyCpu, cpu, `CPU${cpu} has reported twice`);
    }
    this.reported.add(cpu);
    this.owing.delete(cpu);
  }

  /** RCU-4: a node's CPUs were looked at. */
  scanned(cpu: number, gp: number, node: number): void {
    if (gp !== this.started || this.ended === gp) return;
    const home = this.view.nodes[node] as KernelNode;
    for (const { owing } of home.rcu.of(this.flavour).leaves) {
      for (const late of owing) {
        if (home.words(late).dynticks % 2 === 1 && home.rcu.online.has(late)) continue;
        this.fails(rules.idle, cpu, `it still waits for CPU${late} after a scan, and that is idle or offline`);
      }
    }
  }

  /** A CPU goes down and owes nothing any more. */
  offline(cpu: number): void {
    this.owing.delete(cpu);
  }

  private fails(rule: Invariant, cpu: number, detail: string): void {
    this.reporter.broken(
      rule,
      `grace period ${this.started}`,
      this.startedAt,
      this.view.where(Math.max(cpu, 0)),
      detail,
    );
  }
}
