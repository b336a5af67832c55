import {
  birthCpu,
  GuestAgent,
  type GuestPort,
  type KernelNode,
  type Placement,
  type Program,
  Scalar,
  type SyscallResult,
  type TaskRecord,
} from '@kmemlab/kernel';
import { RandomStream, type Topology } from '@kmemlab/machine';

/** How a guest program ended. */
export type GuestOutcome = { readonly value: unknown } | { readonly error: unknown };

/** A guest task, as those see it who wait for it. */
export interface Guest {
  /** Of the program that it runs; null while that runs. */
  readonly outcome: GuestOutcome | null;
  /** System calls that have returned to it, or to those that it forked. */
  readonly calls: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The guest programs of a machine, each with the agent of the node it was born on. */
export class Guests {
  private readonly agents: readonly GuestAgent[];
  /** By pid. */
  private readonly guests = new Map<number, Mutable<Guest>>();
  private nextPid = 1;

  constructor(
    private readonly topology: Topology,
    private readonly nodes: readonly KernelNode[],
    private readonly seed: number,
    private readonly cpus: readonly number[],
    userStep: number,
    port: Omit<GuestPort, 'exited'>,
  ) {
    const own: GuestPort = { ...port, exited: (pid, outcome) => this.ended(pid, outcome) };
    this.agents = nodes.map(
      (node) => new GuestAgent(node, cpus, new RandomStream(seed, `guest${node.id}`), seed, own, userStep),
    );
  }

  /**
   * Start a program as a new task, in the root cgroup and the root directory. Returns its pid; a program that needs its
   * own pid is given as a function of it.
   */
  start(name: string, source: Program<unknown> | ((pid: number) => Program<unknown>), placement: Placement): number {
    const pid = this.nextPid++;
    const program = typeof source === 'function' ? source(pid) : source;
    const cpu = birthCpu(placement, pid, this.seed, this.cpus);
    const node = this.topology.nodeOf(cpu);
    const { published } = this.nodes[node] as KernelNode;
    const cwd = published.scalar(Scalar.rootDentry);
    this.guests.set(pid, { outcome: null, calls: 0 });
    const agent = this.agents[node] as GuestAgent;
    agent.start({ pid, name, program, placement }, { cpu, cwd });
    return pid;
  }

  /** Start another program in a task whose last program has returned: the next phase of the same process. */
  resume(pid: number, program: Program<unknown>, placement: Placement): void {
    const agent = this.agentOf(pid);
    const last = agent.lastState(pid);
    if (last === undefined) throw new Error(`no task has pid ${pid}`);
    this.ended(pid, null);
    agent.resumeAs(last.task, program, placement, last.cpu);
  }

  returned(task: TaskRecord, result: SyscallResult, cpu: number): void {
    const guest = this.guests.get(task.session);
    if (guest !== undefined) guest.calls++;
    this.agentOf(task.pid).returned(task, result, cpu);
  }

  /** System calls that have returned to a task, or to those that it forked. */
  callsOf(pid: number): number {
    return this.guests.get(pid)?.calls ?? 0;
  }

  /** @throws Error if no task was started with this pid */
  guest(pid: number): Guest {
    const guest = this.guests.get(pid);
    if (guest === undefined) throw new Error(`no task has pid ${pid}`);
    return guest;
  }

  private ended(pid: number, outcome: GuestOutcome | null): void {
    (this.guest(pid) as Mutable<Guest>).outcome = outcome;
  }

  private agentOf(pid: number): GuestAgent {
    const agent = this.agents.find((candidate) => candidate.lastState(pid) !== undefined);
    if (agent === undefined) throw new Error(`no task has pid ${pid}`);
    return agent;
  }
}
