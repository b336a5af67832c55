import type { Verdict } from '@kmemlab/machine';
import type { Actor } from './actors.js';

/** Kernel functions that may go round for ever, with the id of the defect if they do. */
const loops: ReadonlyMap<string, string> = new Map([['tryToGetMemcg', 'V2-a']]);

export const loopDefects: readonly string[] = [...loops.values()];

/** Whether the verdict is of such a loop. */
export const isKnownLoop = ({ id }: Verdict): boolean => loopDefects.includes(id);

/** The defect of the first of these whose task is in such a loop. */
export function knownLoop(actors: readonly (Actor | undefined)[]): string | undefined {
  return actors
    .flatMap((actor) => actor?.task?.stack ?? [])
    .map((fn) => loops.get(fn))
    .find((id) => id !== undefined);
}
