import { birthCpu, housekeepingCpus, type Placement, type Program } from '@kmemlab/kernel';
import type { Topology } from '@kmemlab/machine';
import { checked, schemas } from './live-messages.js';
import type { LiveMachine, PlainOutcome } from './live-node.js';
import type { GuestControl, Lab, PhaseOptions, ProgramFactory } from './types.js';

/** Least host time between two progress events, ms. */
const PROGRESS_MS = 100;

/** A node's side of the control channel: it answers the command's calls and tells it of events. */
export interface NodeChannel {
  serve(name: string, handler: (payload: unknown) => unknown): void;
  /** To the command. */
  event(name: string, payload: unknown): void;
}

/** One call of the lab that the experiment has made here. */
interface LabCall {
  /** What beginning it does on this node. */
  readonly begin: () => void;
  /** The value with which it ends everywhere. */
  readonly ended: Promise<unknown>;
  readonly end: (value: unknown) => void;
}

function labCall(begin: () => void): LabCall {
  let end: (value: unknown) => void = () => {};
  const ended = new Promise<unknown>((resolve) => {
    end = resolve;
  });
  return { begin, ended, end };
}

export interface NodeLabOptions {
  readonly node: number;
  readonly topology: Topology;
  readonly seed: number;
  readonly isolcpus: readonly number[];
  readonly machine: Pick<LiveMachine, 'startProgram' | 'startBackground' | 'continueProgram'>;
  readonly channel: NodeChannel;
}

/**
 * An experiment's view of the live machine in a node's process. It makes the same calls here as everywhere, and each
 * waits until the command says that it begins, and how it has ended. A program runs on its birth node only; pids are
 * counted here as they are everywhere.
 */
export class NodeLab implements Lab {
  readonly topology: Topology;
  readonly housekeeping: readonly number[];
  private readonly calls = new Map<number, LabCall>();
  /** Who waits for the experiment to come to a call. */
  private readonly arrivals = new Map<number, () => void>();
  /** Call that a task runs a program for, by pid. */
  private readonly callOfPid = new Map<number, number>();
  private number = 0;
  private pids = 0;
  /** The task of the phases: its pid and the node it was born on. */
  private script = { pid: 0, node: 0 };
  private stopping = false;
  private lastProgress = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: NodeLabOptions) {
    this.topology = options.topology;
    this.housekeeping = housekeepingCpus(options.topology, options.isolcpus);
    const { channel } = options;
    channel.serve('begin', async (payload) => {
      const { number } = checked(schemas.begin, payload, 'a call "begin"');
      (await this.arrival(number)).begin();
      return null;
    });
    channel.serve('end', (payload) => {
      const { number, value } = checked(schemas.end, payload, 'a call "end"');
      this.calls.get(number)?.end(value);
      return null;
    });
  }

  background(name: string, program: ProgramFactory<unknown>, placement: Placement): void {
    const pid = ++this.pids;
    const number = this.nextNumber();
    this.arrive(number, () =>
      this.ifBornHere(number, pid, program, placement, (own) =>
        this.options.machine.startBackground(pid, name, own, placement),
      ),
    );
  }

  stopBackground(): void {
    this.arrive(this.nextNumber(), () => {
      this.stopping = true;
    });
  }

  phase<T>(_name: string, program: ProgramFactory<T>, placement: Placement, _options?: PhaseOptions): Promise<T> {
    const pid = ++this.pids;
    this.script = { pid, node: this.birthNode(pid, placement) };
    const number = this.nextNumber();
    const begin = (): void =>
      this.ifBornHere(number, pid, program, placement, (own) =>
        this.options.machine.startProgram(pid, 'script', own, placement),
      );
    return this.run<T>(number, begin);
  }

  nextPhase<T>(_name: string, program: ProgramFactory<T>, placement: Placement, _options?: PhaseOptions): Promise<T> {
    const { pid, node } = this.script;
    const number = this.nextNumber();
    const begin = (): void => {
      if (node !== this.options.node) return;
      this.callOfPid.set(pid, number);
      this.options.machine.continueProgram(pid, this.programOf(number, pid, program), placement);
    };
    return this.run<T>(number, begin);
  }

  /** A guest program born here has ended. */
  exited(pid: number, outcome: PlainOutcome): void {
    const number = this.callOfPid.get(pid);
    if (number !== undefined) this.options.channel.event('exited', { number, ...outcome });
  }

  private nextNumber(): number {
    return ++this.number;
  }

  private async run<T>(number: number, begin: () => void): Promise<T> {
    return (await this.arrive(number, begin).ended) as T;
  }

  /** The experiment has come to this call. */
  private arrive(number: number, begin: () => void): LabCall {
    const call = labCall(begin);
    this.calls.set(number, call);
    this.arrivals.get(number)?.();
    this.arrivals.delete(number);
    return call;
  }

  private async arrival(number: number): Promise<LabCall> {
    if (!this.calls.has(number)) await new Promise<void>((resolve) => this.arrivals.set(number, resolve));
    return this.calls.get(number) as LabCall;
  }

  /** Start the program of a new task on its birth node, and nothing elsewhere. */
  private ifBornHere(
    number: number,
    pid: number,
    program: ProgramFactory<unknown>,
    placement: Placement,
    start: (program: Program<unknown>) => void,
  ): void {
    if (this.birthNode(pid, placement) !== this.options.node) return;
    this.callOfPid.set(pid, number);
    start(this.programOf(number, pid, program));
  }

  private birthNode(pid: number, placement: Placement): number {
    return this.topology.nodeOf(birthCpu(placement, pid, this.options.seed, this.housekeeping));
  }

  private programOf(number: number, pid: number, program: ProgramFactory<unknown>): Program<unknown> {
    const control: GuestControl = {
      pid,
      stopped: () => this.stopping,
      tick: (done) => this.tick(number, done),
    };
    return program(control);
  }

  private tick(number: number, done: number): void {
    const now = performance.now();
    if (now - this.lastProgress < PROGRESS_MS) return;
    this.lastProgress = now;
    this.options.channel.event('progress', { number, done });
  }
}
