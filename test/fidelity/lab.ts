import {
  type Cpu,
  defaultConfig,
  KernelBuild,
  type KernelConfig,
  type Patch,
  type Placement,
  type Probe,
  type Program,
  patches,
  sys,
  Trace,
  type Tracepoint,
  versions,
} from '@kmemlab/kernel';
import { type Handle, homeOf, resolveCosts, Topology } from '@kmemlab/machine';
import { SimMachine } from '@kmemlab/machine-sim';

const STEPS = 20_000_000;

/** One tracepoint as it was emitted. */
export interface Emitted {
  readonly point: Tracepoint;
  readonly cpu: number;
  readonly time: number;
  readonly args: readonly [number, number, number, number];
}

export interface LabOptions {
  readonly nodes?: number;
  readonly cpus?: number;
  /** Version; 4.10 by default. */
  readonly version?: string;
  readonly patch?: string | Patch;
  readonly seed?: number;
  readonly strategy?: 'time' | 'random';
  /** Where the configuration is not the default. */
  readonly config?: Partial<KernelConfig>;
}

/** A booted machine with a kernel on it, which runs programs one after the other and shows what they cause. */
export class Lab implements Probe {
  readonly machine: SimMachine;
  readonly events: Emitted[] = [];
  private readonly names = new Map<Handle, { readonly root: Handle; readonly name: string; readonly memcg: Handle }>();
  private pid = 0;

  constructor(options: LabOptions = {}) {
    const { nodes = 1, cpus = 4, patch = '', seed = 1, strategy = 'time', config } = options;
    const version = versions.find(({ name }) => name === (options.version ?? 'v4.10'));
    if (version === undefined) throw new Error(`there is no ${options.version}`);
    const chosen = typeof patch === 'string' ? patches.filter(({ name }) => name === patch) : [patch];
    const build = new KernelBuild(version, chosen, { ...defaultConfig, ...config });
    const topology = new Topology(nodes, cpus);
    const durations = { record() {}, kick() {} };
    const common = { costs: resolveCosts(), seed, strategy, durations, probe: this, stretches: [] };
    this.machine = new SimMachine({ build, topology, ...common });
    this.machine.boot();
    this.settle();
  }

  emit(point: Tracepoint, cpu: number, a: number, b: number, c: number, d: number): void {
    this.events.push({ point, cpu, time: this.machine.modelTime, args: [a, b, c, d] });
    if (point === Trace.objectAlloc) this.learn(b);
  }

  /** Remember what a cache is called while it exists. */
  private learn(cache: Handle): void {
    const record = this.machine.nodes[homeOf(cache)]?.caches.peek(cache);
    if (record !== undefined) this.names.set(cache, record);
  }

  /** Run a program in the lab's one task, from system call to system call, to its end. */
  run<T>(program: Program<T>, placement: Placement = { kind: 'pinned', cpu: 0 }): T {
    if (this.pid === 0) this.pid = this.machine.startProgram('script', program, placement);
    else this.machine.continueProgram(this.pid, program, placement);
    return this.finish<T>(this.pid);
  }

  /** Run a program in a new task beside. */
  start(program: Program<unknown>, cpu: number): number {
    return this.machine.startProgram(`task on CPU${cpu}`, program, { kind: 'pinned', cpu });
  }

  finish<T>(pid: number): T {
    this.until(() => this.machine.guest(pid).outcome !== null);
    const outcome = this.machine.guest(pid).outcome;
    if (outcome !== null && 'error' in outcome) throw outcome.error;
    return outcome?.value as T;
  }

  /** Let events happen until the condition holds. */
  until(condition: () => boolean): void {
    const why = this.runUntil(condition);
    if (why !== 'reached') throw new Error(`the machine stopped: ${why}`);
  }

  private runUntil(condition: () => boolean): string {
    const { machine } = this;
    const why = machine.run(condition, STEPS);
    if (machine.failure !== undefined) throw machine.failure;
    if (machine.verdicts.length > 0) throw new Error(JSON.stringify(machine.verdicts));
    return why;
  }

  /** Until no callback, work item or message is left. */
  settle(): void {
    this.until(() => this.machine.quiet);
  }

  /** Let `ns` of model time pass, and what is left until the next event; less if nothing more would happen by itself. */
  pass(ns: number): void {
    const end = this.machine.modelTime + ns;
    const why = this.runUntil(() => this.machine.modelTime >= end);
    if (why !== 'reached' && why !== 'empty') throw new Error(`the machine stopped: ${why}`);
  }

  /** Pid of the lab's task once it has run something. */
  get taskPid(): number {
    return this.pid;
  }

  cpu(id: number): Cpu {
    const cpu = this.machine.cpus[id];
    if (cpu === undefined) throw new Error(`there is no CPU${id}`);
    return cpu;
  }

  count(name: string): number {
    const { cpus, nodes } = this.machine;
    return [...cpus, ...nodes].reduce((sum, { counters }) => sum + counters.get(name), 0);
  }

  /** How much each counter grows while `act` runs. */
  growth<N extends string>(names: readonly N[], act: () => void): Record<N, number> {
    const before = names.map((name) => this.count(name));
    act();
    return Object.fromEntries(names.map((name, n) => [name, this.count(name) - (before[n] ?? 0)])) as Record<N, number>;
  }

  /** Function call interrupts per CPU while `act` runs. */
  calls(act: () => void): number[] {
    const read = () => this.machine.cpus.map(({ ownWords }) => ownWords.interrupts.call);
    const before = read();
    act();
    return read().map((calls, cpu) => calls - (before[cpu] ?? 0));
  }

  /** What is emitted while `act` runs. */
  during(act: () => void): Emitted[] {
    const from = this.events.length;
    act();
    return this.events.slice(from);
  }

  /** Objects of SLAB_ACCOUNT caches in these events, as `name` or, if a memcg pays, `name*`; in order. */
  accounted(events: readonly Emitted[], point: Tracepoint): string[] {
    return events.filter((event) => event.point === point).flatMap(({ args: [, cache] }) => this.describe(cache));
  }

  private describe(cache: Handle): string[] {
    const known = this.names.get(cache);
    if (known === undefined) return [];
    const name = this.names.get(known.root)?.name ?? known.name.replace(/\(.*/, '');
    return UNACCOUNTED.has(name) ? [] : [known.memcg === 0 ? name : `${name}*`];
  }

  /** What a program allocates from accounted caches. */
  allocations(program: Program<unknown>): string[] {
    return this.accounted(
      this.during(() => this.run(program)),
      Trace.objectAlloc,
    );
  }

  /** What comes back to accounted caches until all callbacks have run after a program. */
  frees(program: Program<unknown>): string[] {
    const events = this.during(() => {
      this.run(program);
      this.settle();
    });
    return this.accounted(events, Trace.objectFree);
  }

  /** Wait until every queued cache creation has run. */
  flushCreation(): void {
    this.run(sys.flushCreation());
  }

  /** memcg_caches arrays that one node holds; an array's number is never reused. */
  memcgArrays(node: number): number {
    const arrays = this.machine.nodes[node]?.published.memcgArrays;
    let live = 0;
    for (let array = 1; array < MOST_ARRAYS; array++) live += Number((arrays?.lengthOf(array) ?? 0) > 0);
    return live;
  }

  /** Memory css that still exist, by name. */
  memcgs(): string[] {
    return this.machine.nodes.flatMap((node) =>
      [...node.csses.entries()].filter(([, css]) => css.memcg !== null).map(([, css]) => css.name),
    );
  }
}

const MOST_ARRAYS = 1000;

/** Caches that the programs use and that are not SLAB_ACCOUNT in 4.10. */
const UNACCOUNTED = new Set(['filp', 'kmem_cache', 'kernfs_node_cache', 'buffer_head', 'radix_tree_node']);

export const HIERARCHY = '/mnt/cgroup/memory';
