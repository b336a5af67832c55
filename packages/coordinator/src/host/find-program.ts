import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from '../broker/types.js';

/** Where a program is, looked up on PATH as a shell does; undefined if it is not there. */
export function findProgram(name: string, env: Environment): string | undefined {
  const places = (env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  return places.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
