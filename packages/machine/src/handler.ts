import type { Step } from './verdict.js';

/**
 * What a handler may do besides touching its node's state. A handler is synchronous: it can post and complete waiters,
 * it cannot request or wait.
 */
export interface HandlerContext {
  /** Time of the machine's clock, ns. */
  readonly now: number;
  /** CPU on whose behalf the handler runs. */
  readonly cpu: number;
  /** Number of the task on whose behalf the handler runs; 0 in interrupt context. */
  readonly taskId: number;
  post<N, A>(home: number, handler: Handler<N, A, unknown>, args: A): void;
  /** Complete a waiter of any CPU; a task blocked on it becomes runnable there. */
  complete(waiter: number, value: number): void;
  raise(cpu: number, vector: number): void;
  /** Wake the kernel thread registered as `thread` on a CPU, to run with `data`. */
  wakeThread(cpu: number, thread: string, data: number): void;
  /** Lengthen this handler's occupation of its object by `ns`. */
  charge(ns: number): void;
  /** Where this handler runs, for verdicts. */
  step(): Step;
}

export type HandlerFunction<N, A, R> = (node: N, args: A, context: HandlerContext) => R;

/** A homed operation: one atomic instruction or one locked section of the real kernel, run at the object's home node. */
export interface Handler<N, A, R> {
  readonly kind: 'handler';
  readonly name: string;
  readonly index: number;
  /** Of its name: what saved searches know it by, while numbers change with every handler that is added. */
  readonly hash: number;
  readonly run: HandlerFunction<N, A, R>;
  /** Spinlock of whose section this handler is the body; its wait and hold times are recorded under this name. */
  readonly lock: string | null;
  /** Touches only memory that all threads of its home node share, safely: it may run in any of them. */
  readonly atomic: boolean;
}

/** @throws Error if a message cannot be sent: a patch of one's own may name any node, and anything as its handler */
export function checkMessage(home: number, nodes: number, handler: Handler<never, never, unknown>): void {
  if (!(home >= 0 && home < nodes)) throw new Error(`there is no node ${home} to send a message to`);
  if (handler?.kind !== 'handler') throw new Error(`a message needs a handler, not ${String(handler)}`);
}
