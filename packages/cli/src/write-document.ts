import { randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { dirname } from 'node:path';
import type { FileSystem } from '@kmemlab/results';
import { UsageError } from './usage-error.js';

const CAUSES: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'no permission to write there',
  EISDIR: 'it is a directory',
  ENOTDIR: 'something that is not a directory is in the way',
  EEXIST: 'something that is not a directory is in the way',
};

/**
 * Writes a file whole or not at all, and makes its directories. Throws {@link UsageError}, or an Error for a full disk.
 * @param flag with which the user can choose another path
 */
export function writeDocument(
  path: string,
  text: string,
  flag: '--out' | '--save' | '--svg',
  fs: FileSystem = nodeFs,
): void {
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
    throw new UsageError(`${path}: ${CAUSES[code] ?? `it cannot be written (${code})`}; choose another ${flag}`);
  }
}
