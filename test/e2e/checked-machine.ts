import type { Checker } from '@kmemlab/checker';
import { checkerFor } from '@kmemlab/experiments';
import { KernelBuild, type Patch, type Placement, type Program, type Stretch, versions } from '@kmemlab/kernel';
import { resolveCosts, Topology, type Verdict } from '@kmemlab/machine';
import { SimMachine, type StrategyName } from '@kmemlab/machine-sim';

export interface CheckedOptions {
  readonly nodes: number;
  readonly cpusPerNode: number;
  readonly patches?: readonly Patch[];
  readonly strategy?: StrategyName;
  readonly seed?: number;
  readonly stretches?: readonly Stretch[];
}

export type GuestTask = {
  readonly name: string;
  readonly placement: Placement;
  readonly program: (pid: number) => Program<unknown>;
};

const EVENT_LIMIT = 3_000_000;

/** A deterministic 4.10 machine with the checker attached; runs phases and audits after each, like an experiment does. */
export class CheckedMachine {
  readonly machine: SimMachine;
  private readonly checker: Checker;

  constructor({ nodes, cpusPerNode, patches = [], strategy = 'time', seed = 1, stretches = [] }: CheckedOptions) {
    const version = versions.find(({ name }) => name === 'v4.10');
    if (version === undefined) throw new Error('no kernel v4.10');
    const build = new KernelBuild(version, patches, { allocator: 'slab', preemption: 'nonpreempt', hz: 250 });
    const topology = new Topology(nodes, cpusPerNode);
    this.checker = checkerFor(build, topology, () => this.machine);
    this.machine = new SimMachine({
      build,
      topology,
      costs: resolveCosts(),
      seed,
      strategy,
      durations: { record: () => {}, kick: () => {} },
      probe: this.checker,
      stretches,
    });
  }

  get verdict(): Verdict | undefined {
    return this.machine.verdicts[0];
  }

  /** Boot until quiet. */
  boot(): this {
    this.machine.boot();
    this.runUntil(() => true);
    return this;
  }

  /** Start tasks, wait until all of them have returned and the machine is quiet, and audit. */
  phase(...tasks: readonly GuestTask[]): this {
    if (this.ended) return this;
    const pids = tasks.map(({ name, program, placement }) => this.machine.startProgram(name, program, placement));
    this.runUntil(() => pids.every((pid) => this.machine.outcomeOf(pid) !== null));
    for (const pid of pids) {
      const outcome = this.machine.outcomeOf(pid);
      if (!this.ended && outcome !== null && 'error' in outcome) throw outcome.error;
    }
    return this;
  }

  private get ended(): boolean {
    if (this.machine.failure !== undefined) throw this.machine.failure;
    return this.machine.verdicts.length > 0;
  }

  private runUntil(done: () => boolean): void {
    const { machine } = this;
    const why = machine.run(() => done() && machine.quiet, EVENT_LIMIT);
    if (this.ended) return;
    if (why === 'reached') this.checker.audit('quiet');
    else this.checker.audit(why === 'empty' ? 'stuck' : 'interrupts');
    if (!this.ended && why !== 'reached') throw new Error(`the machine stopped (${why}) and the checker saw nothing`);
  }
}
