const FUNCTION_KINDS: Readonly<Record<string, string>> = {
  Function: 'function',
  GeneratorFunction: 'generator function',
  AsyncFunction: 'async function',
  AsyncGeneratorFunction: 'async generator function',
};

/** What a value is, in a word or two: as `typeof` says, but `null`, and of functions which kind they are of. */
export function valueKind(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'function') return typeof value;
  return FUNCTION_KINDS[value.constructor.name] ?? 'function';
}

/** Whether a value of one kind may take the place of one of another: an ordinary function may return a generator. */
export const mayReplace = (kind: string, was: string): boolean =>
  kind === was || (was === 'generator function' && kind === 'function');
