/** An error's message, or a text, on one line and without control characters: it may quote what somebody sent. */
export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
}
