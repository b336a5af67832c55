import { type Handle, RandomStream, type Topology } from '@kmemlab/machine';
import type { NodeMemory } from '../node-memory.js';
import { fallbackCpu } from '../sched/allowed-cpu.js';
import { newTask, type TaskRecord } from '../sched/task.js';
import type { Syscall, SyscallResult } from '../syscalls/table.js';
import type { Child, Program } from './program.js';

/**
 * Where a task's system calls run. `pinned` always on one CPU; `sticky` where it was started; `walk` on another CPU after
 * every 16th call on average; `spread` on the next CPU after each call.
 */
export type Placement =
  | { readonly kind: 'pinned'; readonly cpu: number }
  | { readonly kind: 'sticky' }
  | { readonly kind: 'walk' }
  | { readonly kind: 'spread' };

const WALK_PERIOD = 16;

/** CPUs that are not isolated, ascending: all if that would leave none. */
export function housekeepingCpus({ cpuCount }: Topology, isolated: readonly number[]): readonly number[] {
  const all = Array.from({ length: cpuCount }, (_, cpu) => cpu);
  const others = all.filter((cpu) => !isolated.includes(cpu));
  return others.length === 0 ? all : others;
}

/**
 * The CPU on which a new task starts; its program stays with the agent of that CPU's node.
 * @param cpus those on which a task may be that is not pinned
 */
export const birthCpu = (placement: Placement, pid: number, seed: number, cpus: readonly number[]): number =>
  placement.kind === 'pinned'
    ? placement.cpu
    : (cpus[new RandomStream(seed, `task${pid}`).below(cpus.length)] as number);

/** What the agent asks of its machine. */
export interface GuestPort {
  /** Send a system call to a CPU, `delay` ns of user time from now. */
  dispatch(cpu: number, task: TaskRecord, syscall: Syscall, delay: number): void;
  /** The task is not on this CPU any more. */
  leave(cpu: number, pid: number): void;
  /** The program of a task that was not forked returned; or it threw, or that of a task which it forked. */
  exited(pid: number, outcome: { value: unknown } | { error: unknown }): void;
}

/** A program to be run as a new task. */
export interface GuestStart {
  readonly pid: number;
  readonly name: string;
  readonly program: Program<unknown>;
  readonly placement: Placement;
}

interface Guest {
  readonly program: Program<unknown>;
  readonly placement: Placement;
  task: TaskRecord;
  cpu: number;
  /** What the fork that it is in will start. */
  child: Child | undefined;
  /** A forked task whose program has ended. */
  exiting: boolean;
}

/** Runs the guest programs born on one node: advances each by one system call at a time. */
export class GuestAgent {
  private readonly guests = new Map<number, Guest>();

  /** @param cpus those on which a task may be that is not pinned */
  constructor(
    private readonly node: NodeMemory,
    private readonly cpus: readonly number[],
    private readonly random: RandomStream,
    private readonly seed: number,
    private readonly port: GuestPort,
    /** User time between two system calls, ns. */
    private readonly userStep: number,
  ) {}

  /** Start a program as a task of the root cgroup on a CPU, in the given directory. */
  start(
    { pid, name, program, placement }: GuestStart,
    { cpu, cwd }: { readonly cpu: number; readonly cwd: Handle },
  ): void {
    this.resumeAs(newTask(pid, name, cwd), program, placement, cpu);
  }

  /** Start a program as a task that exists already: the next phase of the same process. */
  resumeAs(task: TaskRecord, program: Program<unknown>, placement: Placement, cpu: number): void {
    const guest: Guest = { program, placement, task, cpu, child: undefined, exiting: false };
    this.guests.set(task.pid, guest);
    this.advance(guest, undefined);
  }

  /** A system call returned from the CPU on which it ran; `task` is the task's state after it. */
  returned(task: TaskRecord, result: SyscallResult, cpu: number): void {
    const guest = this.guests.get(task.pid);
    if (guest === undefined) return;
    guest.task = task;
    guest.cpu = cpu;
    if (guest.exiting) this.gone(guest);
    else {
      this.startForked(guest);
      this.advance(guest, result);
    }
  }

  /** A fork has returned: its child begins beside it. */
  private startForked({ task, child, placement: own }: Guest): void {
    const { forked } = task;
    task.forked = null;
    if (forked === null || child === undefined) return;
    const placement = child.placement ?? own;
    const cpu = birthCpu(placement, forked.pid, this.seed, this.cpus);
    this.resumeAs(forked, child.program(forked.pid), placement, cpu);
  }

  private gone({ cpu, task }: Guest): void {
    this.port.leave(cpu, task.pid);
    this.guests.delete(task.pid);
  }

  /** The program has ended: a forked task exits, any other waits for its next program. */
  private ended(guest: Guest, outcome: { value: unknown } | { error: unknown }): void {
    const { task, cpu } = guest;
    const forked = task.pid !== task.session;
    if (!forked || 'error' in outcome) this.port.exited(task.session, outcome);
    if (forked) {
      guest.exiting = true;
      this.port.dispatch(cpu, task, { name: 'exit', args: [] }, 0);
    } else this.port.leave(cpu, task.pid);
  }

  /** State of a task whose program has exited, and the CPU it last ran on. */
  lastState(pid: number): { task: TaskRecord; cpu: number } | undefined {
    const guest = this.guests.get(pid);
    return guest === undefined ? undefined : { task: guest.task, cpu: guest.cpu };
  }

  private advance(guest: Guest, result: SyscallResult | undefined): void {
    try {
      const next = result === undefined ? guest.program.next(0) : guest.program.next(result);
      if (next.done) {
        this.ended(guest, { value: next.value });
        return;
      }
      const { name, args, child } = next.value;
      guest.child = child;
      const cpu = this.nextCpu(guest);
      if (cpu !== guest.cpu) this.port.leave(guest.cpu, guest.task.pid);
      guest.cpu = cpu;
      this.port.dispatch(cpu, guest.task, { name, args }, this.userStep);
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      this.ended(guest, { error: new Error(`task ${guest.task.name}: ${what}`, { cause: error }) });
    }
  }

  /** Where the task goes next. Away from a CPU that is offline; a pinned task is back on its CPU when that is. */
  private nextCpu(guest: Guest): number {
    const { published, topology } = this.node;
    const cpu = this.wantedCpu(guest);
    return published.isOnline(cpu) ? cpu : fallbackCpu(published, topology, cpu);
  }

  private wantedCpu({ placement, cpu }: Guest): number {
    const { cpus } = this;
    switch (placement.kind) {
      case 'walk':
        return this.random.below(WALK_PERIOD) === 0 ? (cpus[this.random.below(cpus.length)] as number) : cpu;
      case 'spread':
        return cpus.find((next) => next > cpu && this.node.published.isOnline(next)) ?? (cpus[0] as number);
      case 'pinned':
        return placement.cpu;
      default:
        return cpu;
    }
  }
}
