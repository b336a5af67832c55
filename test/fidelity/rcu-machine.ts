import { checkerFor } from '@kmemlab/experiments';
import {
  type Cpu,
  defaultConfig,
  defineFunction,
  KernelBuild,
  type KernelConfig,
  type Patch,
  patchApi,
  versions,
} from '@kmemlab/kernel';
import { type Coroutine, resolveCosts, Topology } from '@kmemlab/machine';
import { SimMachine } from '@kmemlab/machine-sim';

const { call } = patchApi;

const STEPS = 20_000_000;

/** RCU as from 4.20 on, in a 4.10 kernel. */
const consolidated: Patch = {
  name: 'consolidated',
  summary: 'one flavour for all readers, entrained barriers',
  apply: ({ policies }) => {
    policies.rcu.flavours = 'consolidated';
    policies.rcu.barrierCallback = 'entrained';
  },
};

/** Kernels that differ in what RCU is there. */
export const rcuKernels = {
  'nonpreempt, split': { config: {}, patches: [] },
  'preemptcount, split': { config: { preemptCount: true }, patches: [] },
  'preempt, split': { config: { preemption: 'preempt', preemptCount: true }, patches: [] },
  'nonpreempt, consolidated': { config: {}, patches: [consolidated] },
  'preempt, consolidated': { config: { preemption: 'preempt', preemptCount: true }, patches: [consolidated] },
} as const satisfies Record<string, { config: Partial<KernelConfig>; patches: readonly Patch[] }>;

export type RcuKernel = keyof typeof rcuKernels;

export interface RcuMachineOptions {
  readonly kernel?: RcuKernel;
  readonly nodes?: number;
  readonly cpus?: number;
  readonly seed?: number;
  readonly strategy?: 'time' | 'random';
}

export interface Thread {
  readonly began: number;
  ended: number;
}

/** Numbers of the callbacks invoked since the last machine was made, and where. */
export const invoked: { readonly cpu: number; readonly number: number; readonly time: number }[] = [];

// biome-ignore lint/correctness/useYield: a callback that only leaves a note
export const NOTE = defineFunction('rcu', 'rcu_spec_callback', function* rcuSpecCallback(cpu, number) {
  invoked.push({ cpu: cpu.id, number, time: cpu.now() });
});

/** A booted machine with the checker attached, for kernel threads that use RCU. */
export class RcuMachine {
  readonly sim: SimMachine;

  constructor({
    kernel = 'nonpreempt, split',
    nodes = 1,
    cpus = 4,
    seed = 1,
    strategy = 'time',
  }: RcuMachineOptions = {}) {
    const version = versions.find(({ name }) => name === 'v4.10');
    if (version === undefined) throw new Error('there is no v4.10');
    const { config, patches } = rcuKernels[kernel];
    const build = new KernelBuild(version, patches, { ...defaultConfig, ...config });
    const topology = new Topology(nodes, cpus);
    const probe = checkerFor(build, topology, () => this.sim);
    const durations = { record() {}, kick() {} };
    this.sim = new SimMachine({
      build,
      topology,
      costs: resolveCosts(),
      seed,
      strategy,
      durations,
      probe,
      stretches: [],
    });
    invoked.length = 0;
    this.sim.boot();
    this.settle();
  }

  cpu(id: number): Cpu {
    const cpu = this.sim.cpus[id];
    if (cpu === undefined) throw new Error(`there is no CPU${id}`);
    return cpu;
  }

  /** Run kernel code on a CPU in a thread of its own. */
  thread(id: number, code: (cpu: Cpu) => Coroutine<void>): Thread {
    const cpu = this.cpu(id);
    const thread: Thread = { began: cpu.now(), ended: 0 };
    cpu.spawn(
      'spec',
      function* spec() {
        yield* call(code, cpu);
        thread.ended = cpu.now();
      },
      [],
    );
    cpu.run();
    return thread;
  }

  until(condition: () => boolean): void {
    const why = this.sim.run(condition, STEPS);
    if (this.sim.failure !== undefined) throw this.sim.failure;
    if (this.sim.verdicts.length > 0) throw new Error(JSON.stringify(this.sim.verdicts));
    if (why !== 'reached') throw new Error(`the machine stopped: ${why}`);
  }

  finish(...threads: readonly Thread[]): void {
    this.until(() => threads.every(({ ended }) => ended > 0));
  }

  settle(): void {
    this.until(() => this.sim.quiet);
  }

  pass(ns: number): void {
    const end = this.sim.modelTime + ns;
    this.until(() => this.sim.modelTime >= end);
  }

  count(name: string): number {
    return this.sim.cpus.reduce((sum, { counters }) => sum + counters.get(name), 0);
  }
}
