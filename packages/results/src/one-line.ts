/** An error's message, or a text, on one line and without control characters: it may quote what somebody sent. */
export function oneLine(error: unknown): string {
  return textOf(error)
    .replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ')
    .trim();
}

/** What is thrown may be anything, even what has no text. */
function textOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message || error.name : String(error);
  } catch {
    return 'something that is no error';
  }
}
