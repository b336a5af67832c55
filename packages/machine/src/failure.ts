const SCHEME = 'data:text/javascript;base64,';

/** The address of a module that is given as text; its path stands in stacks, from which `failureLine` reads it. */
export const moduleAddress = (path: string, base64: string): string => `${SCHEME}${base64}#${encodeURIComponent(path)}`;

const FRAME = new RegExp(`${SCHEME}[\\w+/=]*#([^:\\s)]*):(\\d+):\\d+`);

/** `PATH, line N`: where in such a module something was thrown; undefined if it was not there. */
export function lineOfModule(error: unknown): string | undefined {
  const [, path, line] = (error instanceof Error ? FRAME.exec(error.stack ?? '') : null) ?? [];
  return path === undefined ? undefined : `${decodeURIComponent(path)}, line ${line}`;
}

/** What is thrown may be anything, even what has no text. */
function textOf(error: unknown): string {
  try {
    return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
  } catch {
    return 'something that is no error';
  }
}

/**
 * What model code has thrown that is no verdict, on one line: what, where in a module that is given as text, and where on the
 * machine.
 */
export function failureLine(error: unknown, where: string): string {
  const line = lineOfModule(error);
  return `${textOf(error)} (${line === undefined ? '' : `${line}; `}${where})`;
}
