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

interface EventBase {
  /** Events of one channel keep their order under every strategy. */
  readonly channel: number;
}

/** A handler to run at a node on behalf of a CPU. */
export interface MessageEvent extends EventBase {
  readonly kind: typeof EventKind.message;
  readonly node: number;
  readonly cpu: number;
  readonly taskId: number;
  readonly taskName: string;
  readonly handler: Handler<never, never, unknown>;
  readonly args: unknown;
  readonly object: number;
  /** Context that waits for the answer, null for a post. */
  readonly context: Context | null;
  readonly index: number;
}

export interface TimerEvent extends EventBase {
  readonly kind: typeof EventKind.timer;
  readonly cpu: number;
  readonly id: number;
  /** When it expires. */
  readonly at: number;
  readonly name: string;
  readonly data: number;
  readonly deferrable: boolean;
}

/** Everything that can happen next on the deterministic machine. */
export type SimEvent =
  | MessageEvent
  | TimerEvent
  | (EventBase & { readonly kind: typeof EventKind.workDone; readonly cpu: number; readonly epoch: number })
  | (EventBase & {
      readonly kind: typeof EventKind.answer;
      readonly cpu: number;
      readonly context: Context;
      readonly index: number;
      readonly value: unknown;
    })
  | (EventBase & {
      readonly kind: typeof EventKind.completion;
      readonly cpu: number;
      readonly waiter: number;
      readonly value: number;
      readonly from: number;
    })
  | (EventBase & { readonly kind: typeof EventKind.doorbell; readonly cpu: number; readonly vector: number })
  | (EventBase & {
      readonly kind: typeof EventKind.thread;
      readonly cpu: number;
      readonly thread: string;
      readonly data: number;
      readonly from: number;
    })
  | (EventBase & {
      readonly kind: typeof EventKind.syscall;
      readonly cpu: number;
      readonly task: TaskRecord;
      readonly syscall: Syscall;
    })
  | (EventBase & {
      readonly kind: typeof EventKind.returned;
      readonly cpu: number;
      readonly task: TaskRecord;
      readonly result: SyscallResult;
    });
