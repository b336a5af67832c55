import { randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { dirname } from 'node:path';
import type { FileSystem } from '@kmemlab/results';
import { UsageError } from './usage-error.js';

const MENDS: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write there; choose another --out',
  EPERM: 'no permission to write there; choose another --out',
  EROFS: 'no permission to write there; choose another --out',
  EISDIR: 'it is a directory; give a file',
  ENOTDIR: 'something that is not a directory is in the way; choose another --out',
  EEXIST: 'something that is not a directory is in the way; choose another --out',
};

/** Writes a file whole or not at all, and makes its directories. Throws {@link UsageError}, or an Error for a full disk. */
export function writeDocument(path: string, text: string, fs: FileSystem = nodeFs): void {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(temporary, text);
    fs.renameSync(temporary, path);
  } catch (error) {
    try {
      fs.unlinkSync(temporary);
    } catch {
      // It was never there.
    }
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new Error(`${path}: the disk is full (${code}); free some space`);
    throw new UsageError(`${path}: ${MENDS[code] ?? `it cannot be written (${code}); choose another --out`}`);
  }
}
