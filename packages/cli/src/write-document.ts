import { randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { dirname } from 'node:path';
import { type FileSystem, makeDirectories } from '@kmemlab/results';
import { UsageError } from './usage-error.js';

const CAUSES: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  EROFS: 'no permission to write there',
  EISDIR: 'it is a directory',
  ENOTDIR: 'something that is not a directory is in the way',
  EEXIST: 'something that is not a directory is in the way',
};

/** With which the user can choose another path. */
type PathFlag = '--out' | '--save' | '--svg';

/** The file that a path leads to. Devices and the like are not replaced. */
function fileAt(path: string, flag: PathFlag, fs: FileSystem): string {
  const existing = fs.statSync(path, { throwIfNoEntry: false });
  if (existing === undefined) return path;
  if (existing.isFile()) return fs.realpathSync(path);
  throw new UsageError(`${path}: ${existing.isDirectory() ? CAUSES.EISDIR : 'it is no file'}; choose another ${flag}`);
}

/** @throws UsageError if a document cannot be written there, as far as can be told before */
export function checkWritable(path: string, flag: PathFlag, fs: FileSystem = nodeFs): void {
  write(path, '', flag, fs, (temporary) => fs.unlinkSync(temporary));
}

/**
 * Writes a file whole or not at all, and makes its directories. A link is followed.
 * @throws UsageError, or an Error for a full disk
 */
export function writeDocument(path: string, text: string, flag: PathFlag, fs: FileSystem = nodeFs): void {
  write(path, text, flag, fs, (temporary, file) => fs.renameSync(temporary, file));
}

function write(
  path: string,
  text: string,
  flag: PathFlag,
  fs: FileSystem,
  done: (temporary: string, file: string) => void,
): void {
  let temporary = '';
  try {
    makeDirectories(dirname(path), fs);
    const file = fileAt(path, flag, fs);
    temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
    fs.writeFileSync(temporary, text);
    done(temporary, file);
  } catch (error) {
    if (error instanceof UsageError) throw error;
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
