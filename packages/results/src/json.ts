/** Indented JSON with arrays of numbers (per-CPU columns) on one line, ending in a newline. */
export function toJson(value: unknown): string {
  const indented = JSON.stringify(value, null, 2);
  const compact = indented.replace(/\[\n[\s\d.,eE+-]+\]/g, (array) =>
    array.replace(/\s+/g, ' ').replace(/^\[ /, '[').replace(/ \]$/, ']'),
  );
  return `${compact}\n`;
}
