import { checkEncoded } from './codec-check.js';

/**
 * What travels between the threads of a node and, unchanged, between nodes: seven numbers and, where there is more to say,
 * a packed body.
 */

/** Kinds of message, with the meaning of `a` to `d`. */
export const Kind = {
  /** handler, ticket, task, place; body: arguments. Run a handler for `cpu`, answer to its ticket. */
  request: 1,
  /** handler, 0, task, place; body: arguments. Run a handler for `cpu`, no answer. */
  post: 2,
  /** CPU, ticket, value, 1 if the value is a number; body: the value otherwise; neither: undefined. */
  answer: 3,
  /** CPU, waiter, value. Complete a waiter; `cpu` is the waker. */
  completion: 4,
  /** CPU, data; body: name. Wake a kernel thread; `cpu` is the waker. */
  thread: 5,
  /** CPU, vector. Raise an interrupt; `cpu` is the sender. */
  raise: 6,
  /** CPU, node of the guest; body: task and system call. */
  syscall: 7,
  /** pid; body: task and result. A system call has returned to its guest. */
  returned: 8,
  /** CPU, pid. The task is not on this CPU any more. */
  leave: 9,
  /** place; body: name. From now on `cpu` calls this place in its code by a number. */
  place: 10,
  /** CPU, ticket; body: verdict. A handler found a rule broken; the CPU adds its stack and reports. */
  refused: 11,
  /** body: verdict. The run ends. */
  verdict: 12,
  /** body: text. Model code threw; the run ends. */
  failure: 13,
} as const;

export type Kind = (typeof Kind)[keyof typeof Kind];

const LAST_KIND = 13;

/** Numbers of a message before its body: length, kind, destination node, cpu, a, b, c, d. */
export const HEAD_CELLS = 8;
export const CELL = 8;
/** Bodies are at most this long, bytes. */
export const MAX_BODY = 896 * 1024;

/** One message, reused from read to read. */
export class Message {
  kind = 0;
  /** Node that it is for. */
  node = 0;
  /** CPU on whose behalf it was sent. */
  cpu = 0;
  a = 0;
  b = 0;
  c = 0;
  d = 0;
  body: Uint8Array | null = null;

  set(
    kind: number,
    node: number,
    cpu: number,
    a: number,
    b: number,
    c: number,
    d: number,
    body: Uint8Array | null,
  ): this {
    this.kind = kind;
    this.node = node;
    this.cpu = cpu;
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    this.body = body;
    return this;
  }
}

/** A message from another node that this machine does not understand. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

/** Bytes of a message as it travels between nodes. */
export function encodeMessage(message: Message): Uint8Array {
  const { body } = message;
  const bytes = new Uint8Array(HEAD_CELLS * CELL + (body?.length ?? 0));
  const view = new DataView(bytes.buffer);
  const head = [
    body?.length ?? -1,
    message.kind,
    message.node,
    message.cpu,
    message.a,
    message.b,
    message.c,
    message.d,
  ];
  for (const [index, value] of head.entries()) view.setFloat64(index * CELL, value, true);
  if (body !== null) bytes.set(body, HEAD_CELLS * CELL);
  return bytes;
}

/** What a message from elsewhere may refer to. */
export interface MessageLimits {
  readonly node: number;
  readonly nodes: number;
  readonly cpus: number;
  readonly handlers: number;
}

const within = (value: number, end: number): boolean => Number.isInteger(value) && value >= 0 && value < end;

/** Kinds whose `a` is a CPU. */
const TO_CPU: ReadonlySet<number> = new Set([
  Kind.answer,
  Kind.completion,
  Kind.thread,
  Kind.raise,
  Kind.syscall,
  Kind.leave,
  Kind.refused,
]);

const WITH_BODY: ReadonlySet<number> = new Set([
  Kind.thread,
  Kind.syscall,
  Kind.returned,
  Kind.place,
  Kind.refused,
  Kind.verdict,
  Kind.failure,
]);

/** @throws MessageError, or CodecError for its body, if the bytes are no message for this node */
export function decodeMessage(bytes: Uint8Array, limits: MessageLimits, into: Message): Message {
  const headLength = HEAD_CELLS * CELL;
  if (bytes.length < headLength) throw new MessageError(`a message of ${bytes.length} bytes is too short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = (index: number): number => view.getFloat64(index * CELL, true);
  const bodyLength = at(0);
  if (bytes.length - headLength !== Math.max(0, bodyLength)) throw new MessageError('its length is not what it says');
  const body = bodyLength < 0 ? null : bytes.slice(headLength);
  into.set(at(1), at(2), at(3), at(4), at(5), at(6), at(7), body);
  if (body !== null) checkEncoded(body);
  const wrong = complaint(into, limits);
  if (wrong !== undefined) throw new MessageError(wrong);
  return into;
}

function complaint(message: Message, { node, nodes, cpus, handlers }: MessageLimits): string | undefined {
  const { kind, a, b, body } = message;
  if (!within(kind, LAST_KIND + 1) || kind === 0) return `no message is of kind ${kind}`;
  if (message.node !== node) return `a message for node ${message.node} came to node ${node}`;
  if (!within(message.cpu, cpus)) return `there is no CPU${message.cpu}`;
  if ((kind === Kind.request || kind === Kind.post) && !within(a, handlers)) return `no handler has number ${a}`;
  if (TO_CPU.has(kind) && !within(a, cpus)) return `there is no CPU${a}`;
  if (kind === Kind.raise && !within(b, 32)) return `there is no vector ${b}`;
  if (kind === Kind.syscall && !within(b, nodes)) return `there is no node ${b}`;
  if (WITH_BODY.has(kind) && body === null) return `a message of kind ${kind} has no body`;
  return undefined;
}
