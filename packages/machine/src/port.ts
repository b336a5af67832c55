import type { Context } from './context.js';
import type { Core } from './core.js';
import type { PostEffect, RequestEffect } from './effects.js';

/** A timer that has not expired. */
export interface PendingTimer {
  readonly name: string;
  readonly data: number;
  readonly deferrable: boolean;
  /** ns until it expires, at least 0. */
  readonly left: number;
}

/** What a core needs from the machine it is part of. Both machines implement it; kernel code never sees it. */
export interface Port {
  /** Time of the machine's clock, ns. */
  time(): number;
  /** Time of the machine's clock as this core sees it, ns: on a machine in model time it is ahead by the core's debt. */
  now(core: Core): number;
  /** The core is busy for `ns`. True if that is accounted for at once; else `Core.workDone` will be called. */
  work(core: Core, ns: number): boolean;
  /** Stop the clock of the work in progress and return the ns that were left of it. */
  interruptWork(core: Core): number;
  request(core: Core, context: Context, effect: RequestEffect<unknown>): void;
  post(core: Core, effect: PostEffect): void;
  raise(core: Core, cpus: readonly number[], vector: number): void;
  /** Start a timer on the core and return its id; the core is told of it when it expires. */
  timer(core: Core, delay: number, name: string, data: number, deferrable: boolean): number;
  /** Forget a timer that may have expired already. */
  cancelTimer(core: Core, timer: number): void;
  /** Forget all timers of a core that have not expired, and tell what they were. */
  takeTimers(core: Core): PendingTimer[];
  /** Model code threw: a verdict or a broken patch. The run ends. */
  failed(core: Core, error: unknown): void;
}
