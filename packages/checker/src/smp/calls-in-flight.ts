import type { Step } from '@kmemlab/machine';

/** One call_single_data in use, from being taken by its sender to being released and run by its target. */
export interface Csd {
  readonly waiter: number;
  readonly target: number;
  readonly info: number;
  readonly call: Call;
  /** Place in the order in which csds entered the target's queue; 0 before. */
  order: number;
  executed: boolean;
  returned: boolean;
  unlocked: boolean;
  /** When its function started, ns. */
  startedAt: number;
}

/** One cross-CPU call in progress at its sender. */
export interface Call {
  readonly sender: number;
  readonly number: number;
  readonly begin: Step;
  /** Its place in the order of calls and publications (see AnsweredCalls). */
  readonly began: number;
  readonly waits: boolean;
  readonly csds: Csd[];
  /** Whether it has used the csds of a mask call. */
  mask: boolean;
  /** Interrupts that it has raised itself, apart from those that queueing into an empty queue raises. */
  raised: number;
}

/** Every call and csd in flight. Finished ones are forgotten. */
export class CallsInFlight {
  private readonly stacks: Call[][];
  private readonly csds = new Map<number, Csd>();

  constructor(cpuCount: number) {
    this.stacks = Array.from({ length: cpuCount }, () => []);
  }

  begin(call: Call): void {
    this.stacks[call.sender]?.push(call);
  }

  /** The innermost call of a CPU. */
  current(cpu: number): Call | undefined {
    const stack = this.stacks[cpu];
    return stack?.[stack.length - 1];
  }

  end(cpu: number): Call | undefined {
    return this.stacks[cpu]?.pop();
  }

  add(csd: Csd): void {
    csd.call.csds.push(csd);
    this.csds.set(csd.waiter, csd);
  }

  get(waiter: number): Csd | undefined {
    return this.csds.get(waiter);
  }

  /** Forget the csd once it is both released and run. */
  settle(csd: Csd): void {
    if (csd.returned && csd.unlocked) this.csds.delete(csd.waiter);
  }

  /** The oldest csd in a CPU's queue, up to a place in its order, that has not been executed. */
  oldestWaiting(target: number, upTo: number): Csd | undefined {
    let oldest: Csd | undefined;
    for (const csd of this.csds.values()) {
      if (csd.target !== target || csd.executed || csd.order === 0 || csd.order > upTo) continue;
      if (oldest === undefined || csd.order < oldest.order) oldest = csd;
    }
    return oldest;
  }
}
