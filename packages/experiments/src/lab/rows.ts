/** The rows of a flat array of numbers, `width` values each. */
export function* rowsOf(flat: readonly number[], width: number): IterableIterator<readonly number[]> {
  for (let at = 0; at < flat.length; at += width) yield flat.slice(at, at + width);
}
