import { randomBytes } from 'node:crypto';
import * as nodeFs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { CompareResult } from './compare.js';
import { toJson } from './json.js';
import type { RunResult } from './schema.js';

/** The part of `node:fs` that a run directory uses; tests pass one that fails. */
export type FileSystem = Pick<
  typeof nodeFs,
  | 'mkdirSync'
  | 'statSync'
  | 'openSync'
  | 'writeFileSync'
  | 'fsyncSync'
  | 'closeSync'
  | 'renameSync'
  | 'unlinkSync'
  | 'rmdirSync'
  | 'realpathSync'
>;

export type RunDirectoryErrorKind = 'disk-full' | 'not-permitted' | 'not-a-directory' | 'write-failed';

const KIND_OF_CODE: Readonly<Record<string, RunDirectoryErrorKind>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EACCES: 'not-permitted',
  EPERM: 'not-permitted',
  EROFS: 'not-permitted',
  ENOTDIR: 'not-a-directory',
  EEXIST: 'not-a-directory',
};

/** A file or directory of a run could not be written. `path` is what could not be written, `code` the system's. */
export class RunDirectoryError extends Error {
  override readonly name = 'RunDirectoryError';
  readonly kind: RunDirectoryErrorKind;
  readonly path: string;
  readonly code: string;

  constructor(path: string, cause: unknown) {
    const code = codeOf(cause);
    const kind = KIND_OF_CODE[code] ?? 'write-failed';
    super(`${path}: ${kind} (${code})`, { cause });
    this.kind = kind;
    this.path = path;
    this.code = code;
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

/**
 * Creates a directory and its parents; returns the first one that was missing. Node's own recursive mkdir never
 * returns below a directory that answers ENOENT, such as /proc.
 * @throws the file system's error
 */
export function makeDirectories(path: string, fs: FileSystem): string | undefined {
  try {
    fs.mkdirSync(path);
    return path;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST' && fs.statSync(path).isDirectory()) return undefined;
    const parent = dirname(path);
    if (code !== 'ENOENT' || parent === path) throw error;
    const firstCreated = makeDirectories(parent, fs);
    fs.mkdirSync(path);
    return firstCreated ?? path;
  }
}

/** A name made from a kernel, an experiment or a file, safe as one path component. */
export function pathComponent(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._+=-]/g, '_').slice(0, 120);
  return /^\.*$/.test(safe) ? `_${safe}` : safe;
}

/** `2017-01-17T12-34-56.789Z-avoid-ipis`: UTC time of the caller's clock, then the experiment or scenario file. */
export function defaultRunId(experiment: string, now: Date): string {
  const stem = basename(experiment).replace(/\.ya?ml$/, '');
  return `${now.toISOString().replaceAll(':', '-')}-${pathComponent(stem)}`;
}

/**
 * A directory that holds one run: `result.json`, `scenario.yaml`, or `compare.json` and sub-directories.
 * Every file is written to a temporary file, synced and renamed, so a reader sees the old or the new document, never
 * a part. All methods throw {@link RunDirectoryError}.
 */
export class RunDirectory {
  readonly path: string;
  readonly #fs: FileSystem;
  readonly #firstCreated: string | undefined;
  readonly #written = new Set<string>();
  readonly #children: RunDirectory[] = [];

  private constructor(path: string, fs: FileSystem, firstCreated: string | undefined) {
    this.path = path;
    this.#fs = fs;
    this.#firstCreated = firstCreated;
  }

  /** Opens `path`, creating it and its parents as needed. Files of an earlier run in it are replaced one by one. */
  static open(path: string, fs: FileSystem = nodeFs): RunDirectory {
    try {
      return new RunDirectory(path, fs, makeDirectories(path, fs));
    } catch (cause) {
      throw new RunDirectoryError(path, cause);
    }
  }

  /** Creates `parent/id`, or `parent/id-2`, `parent/id-3`, … if another run already has that name. */
  static createFresh(parent: string, id: string, fs: FileSystem = nodeFs): RunDirectory {
    const firstCreated = RunDirectory.open(parent, fs).#firstCreated;
    for (let attempt = 1; ; attempt++) {
      const path = join(parent, attempt === 1 ? id : `${id}-${attempt}`);
      try {
        fs.mkdirSync(path);
        return new RunDirectory(path, fs, firstCreated ?? path);
      } catch (cause) {
        if (codeOf(cause) !== 'EEXIST') throw new RunDirectoryError(path, cause);
      }
    }
  }

  writeResult(result: RunResult): void {
    this.#write('result.json', toJson(result));
  }

  /** What an earlier comparison left here is about other runs, so it goes. */
  writeScenario(yaml: string): void {
    this.#write('scenario.yaml', yaml);
    this.#remove(join(this.path, 'compare.json'));
  }

  writeComparison(comparison: CompareResult): void {
    this.#write('compare.json', toJson(comparison));
    for (const name of ['result.json', 'scenario.yaml']) this.#remove(join(this.path, name));
  }

  /** A directory below this one; `name` may have several components. */
  child(name: string): RunDirectory {
    const child = RunDirectory.open(join(this.path, name), this.#fs);
    this.#children.push(child);
    return child;
  }

  /** Removes the files written and the directories created through this object, as far as they are empty then. */
  discard(): void {
    for (const child of this.#children.toReversed()) child.discard();
    for (const name of this.#written) this.#remove(join(this.path, name));
    if (this.#firstCreated === undefined) return;
    const top = resolve(this.#firstCreated);
    for (let directory = resolve(this.path); ; directory = dirname(directory)) {
      try {
        this.#fs.rmdirSync(directory);
      } catch {
        return;
      }
      if (directory === top || directory === dirname(directory)) return;
    }
  }

  #write(name: string, text: string): void {
    const path = join(this.path, name);
    const temporary = join(this.path, `.${name}.${randomBytes(4).toString('hex')}.tmp`);
    try {
      const file = this.#fs.openSync(temporary, 'wx');
      try {
        this.#fs.writeFileSync(file, text);
        this.#fs.fsyncSync(file);
      } finally {
        this.#fs.closeSync(file);
      }
      this.#fs.renameSync(temporary, path);
    } catch (cause) {
      this.#remove(temporary);
      throw new RunDirectoryError(path, cause);
    }
    this.#written.add(name);
    this.#syncDirectory();
  }

  /** Makes the rename durable; a file system that cannot sync a directory is no reason to fail the run. */
  #syncDirectory(): void {
    try {
      const directory = this.#fs.openSync(this.path, 'r');
      try {
        this.#fs.fsyncSync(directory);
      } finally {
        this.#fs.closeSync(directory);
      }
    } catch {}
  }

  #remove(path: string): void {
    try {
      this.#fs.unlinkSync(path);
    } catch {}
  }
}
