import type { Counters, JsonValue } from '@kmemlab/results';

export const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** A call count; 0 for a function that has not been called. */
export const called = (counters: Counters, name: string): number => Number(counters.calls[name] ?? 0);

/** Counters as one record of numbers by path, without those that are 0, and without the paths of `except`. */
export function countsOf(counters: Counters, except: readonly RegExp[]): Record<string, JsonValue> {
  const counts: Record<string, JsonValue> = {};
  const add = (path: string, value: unknown): void => {
    if (except.some((pattern) => pattern.test(path)) || value === 0) return;
    if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) add(path === '' ? name : `${path}.${name}`, inner);
    } else counts[path] = value as JsonValue;
  };
  add('', counters);
  return counts;
}

/** Kicks that each CPU sent, on a machine of more than one CPU: all its interrupts went to all others. */
export const kicksSentBy = ({ ipi }: Counters): number[] =>
  ipi.sentBy.map((sent) => sent / Math.max(1, ipi.sentBy.length - 1));
