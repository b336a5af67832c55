import type { Syscall, SyscallResult, TaskRecord } from '@kmemlab/kernel';
import type { Context, Handler } from '@kmemlab/machine';

/** Kinds of event, as numbers for the digest. */
export const EventKind = {
  workDone: 0,
  message: 1,
  answer: 2,
  completion: 3,
  doorbell: 4,
  timer: 5,
  thread: 6,
  syscall: 7,
  returned: 8,
} as const;

/**
 * Something that happens at a CPU, or at a node on behalf of a CPU. Events of all kinds have this one shape, since the
 * machine's loop reads them all; what only one kind has is its body.
 */
export class EventOf<Kind extends number, Body> {
  constructor(
    readonly kind: Kind,
    /** Events of one channel keep their order under every strategy. */
    readonly channel: number,
    readonly cpu: number,
    readonly body: Body,
  ) {}
}

/** A handler to run at a node on behalf of a CPU. */
export interface Message {
  readonly node: number;
  readonly taskId: number;
  readonly taskName: string;
  readonly handler: Handler<never, never, unknown>;
  readonly args: unknown;
  readonly object: number;
  /** Context that waits for the answer, null for a post. */
  readonly context: Context | null;
  readonly index: number;
}

export interface Answer {
  readonly context: Context;
  readonly index: number;
  readonly value: unknown;
}

export interface Completion {
  readonly waiter: number;
  readonly value: number;
  readonly from: number;
}

export interface Timer {
  readonly id: number;
  /** When it expires. */
  readonly at: number;
  readonly name: string;
  readonly data: number;
  readonly deferrable: boolean;
}

export interface ThreadWake {
  readonly thread: string;
  readonly data: number;
  readonly from: number;
}

export interface Call {
  readonly task: TaskRecord;
  readonly syscall: Syscall;
}

export interface Return {
  readonly task: TaskRecord;
  readonly result: SyscallResult;
}

export type MessageEvent = EventOf<typeof EventKind.message, Message>;
export type TimerEvent = EventOf<typeof EventKind.timer, Timer>;
export type ThreadEvent = EventOf<typeof EventKind.thread, ThreadWake>;
export type CallEvent = EventOf<typeof EventKind.syscall, Call>;

/** Everything that can happen next on the deterministic machine. */
export type SimEvent =
  | MessageEvent
  | TimerEvent
  | ThreadEvent
  | CallEvent
  /** The body is the epoch of the work. */
  | EventOf<typeof EventKind.workDone, number>
  | EventOf<typeof EventKind.answer, Answer>
  | EventOf<typeof EventKind.completion, Completion>
  /** The body is the vector. */
  | EventOf<typeof EventKind.doorbell, number>
  | EventOf<typeof EventKind.returned, Return>;
