import { MARK } from './codec-check.js';

/** msgpackr decodes texts of more bytes with a TextDecoder, which takes a byte order mark away. */
const TEXT_DECODED = 64;

/** Plain data to be encoded, in which texts that will lose their mark have two. */
export function withMarks(value: unknown): unknown {
  if (typeof value === 'string') return withMark(value);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return Array.from(value, withMarks);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [withMark(key), withMarks(member)]));
}

const withMark = (text: string): string =>
  text.charCodeAt(0) === MARK && Buffer.byteLength(text) > TEXT_DECODED ? String.fromCharCode(MARK) + text : text;
