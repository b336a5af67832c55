import { pack } from '../codec.js';
import { MAX_MESSAGE, unpacked } from './chunks.js';

/** What peers say to each other. */
export type Message =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly payload: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly name: string; readonly message: string }
  | { readonly kind: 'event'; readonly name: string; readonly payload: unknown };

const CALL = 0;
const ANSWER = 1;
const ERROR = 2;
const EVENT = 3;

/** A message as bytes: a positional array, its kind first. Throws a CodecError if the payload is not plain data or too large. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.kind) {
    case 'call':
      return pack([CALL, message.id, message.name, message.payload], MAX_MESSAGE);
    case 'answer':
      return pack([ANSWER, message.id, message.value], MAX_MESSAGE);
    case 'error':
      return pack([ERROR, message.id, message.name, message.message], MAX_MESSAGE);
    case 'event':
      return pack([EVENT, message.name, message.payload], MAX_MESSAGE);
  }
}

const isId = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** The message, or undefined if the bytes are not one. */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  const fields = unpacked(bytes, MAX_MESSAGE);
  if (!Array.isArray(fields)) return undefined;
  const [kind, first, second, third] = fields as readonly unknown[];
  if (kind === EVENT && fields.length === 3 && typeof first === 'string')
    return { kind: 'event', name: first, payload: second };
  if (!isId(first)) return undefined;
  if (kind === ANSWER && fields.length === 3) return { kind: 'answer', id: first, value: second };
  if (fields.length !== 4 || typeof second !== 'string') return undefined;
  if (kind === CALL) return { kind: 'call', id: first, name: second, payload: third };
  if (kind === ERROR && typeof third === 'string') return { kind: 'error', id: first, name: second, message: third };
  return undefined;
}
