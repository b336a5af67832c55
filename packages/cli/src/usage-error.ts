/** Wrong usage: one line that says what is wrong, where, and how to mend it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** An error's message on one line. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\s*\n\s*/g, ' ').trim();
}
