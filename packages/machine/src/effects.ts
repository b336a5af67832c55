import type { Handler } from './handler.js';

/** A piece of kernel code: a generator that yields effects to the machine it runs on. */
export type Coroutine<T> = Generator<Effect<unknown>, T, unknown>;

// biome-ignore lint/suspicious/noExplicitAny: the arguments of a frame are checked where call() is written
export type CoroutineFunction = (...args: any[]) => Coroutine<unknown>;

/** Effect numbers, for the one switch in the core. */
export const Op = {
  call: 0,
  work: 1,
  request: 2,
  post: 3,
  raise: 4,
  wait: 5,
  spin: 6,
  after: 7,
} as const;

/**
 * `const reply = yield* request(…)` hands the effect to the core and evaluates to what the core resumes with, so the type of the
 * answer is known where the effect is written. The bundles say `yield request(…)` there, which does the same without an iterator.
 */
export abstract class Effect<T> {
  abstract readonly op: number;

  *[Symbol.iterator](): Generator<Effect<unknown>, T, unknown> {
    return (yield this) as T;
  }
}

/* Three classes for all effects: code that meets objects of different kinds stays fast up to four. */

export class CallEffect<T> extends Effect<T> {
  readonly op = Op.call;
  constructor(
    readonly fn: CoroutineFunction,
    readonly args: readonly unknown[],
  ) {
    super();
  }
}

/** `request` and `post`. */
export class MessageEffect<T, Homes extends number | readonly number[]> extends Effect<T> {
  constructor(
    readonly op: number,
    readonly homes: Homes,
    readonly handler: Handler<never, never, unknown>,
    readonly args: unknown,
    readonly object: number,
  ) {
    super();
  }
}

export type RequestEffect<T> = MessageEffect<T, number | readonly number[]>;
export type PostEffect = MessageEffect<void, number>;

/** What a CPU does by itself. */
export class LocalEffect<T, More> extends Effect<T> {
  constructor(
    readonly op: number,
    /** ns of `work`, ns until `after`, the waiter of `wait` and `spin`, the vector of `raise`. */
    readonly operand: number,
    readonly more: More,
  ) {
    super();
  }
}

/** `work`, `wait` and `spin`. */
export type PauseEffect<T> = LocalEffect<T, null>;
/** `raise`, with its CPUs. */
export type RaiseEffect = LocalEffect<void, readonly number[]>;
/** `after`. */
export type TimerEffect = LocalEffect<number, TimerStart>;

export interface TimerStart {
  readonly name: string;
  readonly data: number;
  readonly deferrable: boolean;
}

/** Run another kernel function in a frame of its own; its name appears in the kernel stack. */
export const call = <A extends unknown[], T>(fn: (...args: A) => Coroutine<T>, ...args: A): CallEffect<T> =>
  new CallEffect<T>(fn as CoroutineFunction, args);

/** The CPU is busy for `ns`; interrupts can arrive here if they are enabled. */
export const work = (ns: number): PauseEffect<void> => new LocalEffect(Op.work, ns, null);

/**
 * Run a handler at node `home` and wait for its answer: the model's cache-line transfer. `object` is the handle (or
 * other identity) whose service time the request occupies; 0 for none.
 */
export const request = <N, A, R>(home: number, handler: Handler<N, A, R>, args: A, object = 0): RequestEffect<R> =>
  new MessageEffect(Op.request, home, handler as never, args, object);

/** The same at several nodes at once; evaluates to the answers in the order of `homes` when all have arrived. */
export const requestAll = <N, A, R>(homes: readonly number[], handler: Handler<N, A, R>, args: A): RequestEffect<R[]> =>
  new MessageEffect(Op.request, homes, handler as never, args, 0);

/** Run a handler at node `home` without waiting for it. Posts of one CPU to one node arrive in order. */
export const post = <N, A>(home: number, handler: Handler<N, A, unknown>, args: A, object = 0): PostEffect =>
  new MessageEffect(Op.post, home, handler as never, args, object);

/** Doorbell: make these CPUs take the interrupt. */
export const raise = (cpus: readonly number[], vector: number): RaiseEffect => new LocalEffect(Op.raise, vector, cpus);

/** Block this task until the waiter is completed; the CPU runs something else or goes idle. Evaluates to the value given. */
export const wait = (waiter: number): PauseEffect<number> => new LocalEffect(Op.wait, waiter, null);

/** Wait while occupying the CPU; interrupts are served if they are enabled. */
export const spin = (waiter: number): PauseEffect<number> => new LocalEffect(Op.spin, waiter, null);

/**
 * Start a timer on this CPU: the timer function registered as `name` gets `data` after `delay` ns. Evaluates to its id.
 * A deferrable timer does not wake an idle CPU.
 */
export const after = (delay: number, name: string, data: number, deferrable = false): TimerEffect =>
  new LocalEffect(Op.after, delay, { name, data, deferrable });
