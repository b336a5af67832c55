import { type Program, sys, writeFile } from '@kmemlab/kernel';
import { attempt } from './hierarchy.js';

/** Write a number to a file of every child of a root cache that has a directory in sysfs, which only SLUB makes. */
export function* tuneChildren(root: string, file: string, value: number): Program<void> {
  for (const directory of yield* sys.childDirectories(root)) {
    yield* attempt(writeFile(`/sys/kernel/slab/${directory}/${file}`, `${value}\n`));
  }
}

/** Give the empty slabs of a root's children back. */
export const shrinkChildren = (root: string): Program<void> => tuneChildren(root, 'shrink', 1);
