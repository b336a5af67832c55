/** A server that cannot be reached or used; the message is one line that names the server. */
export class BusError extends Error {
  override readonly name = 'BusError';
}

/** The first line of a message, for a message within a message. */
export const oneLine = (text: string): string => text.split('\n', 1)[0] ?? '';

/** What `promise` gives, or a BusError after so many ms. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new BusError(`${what} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
