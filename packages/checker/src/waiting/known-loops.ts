import type { Step } from '@kmemlab/machine';

/** Kernel functions that may go round for ever, with the id of the defect if they do. */
const loops: ReadonlyMap<string, string> = new Map([['tryToGetMemcg', 'V2-a']]);

/** The defect of the first of these places that lies in such a loop. */
export function knownLoop(places: readonly Step[]): string | undefined {
  for (const { stack = [], function: name } of places) {
    for (const fn of [name, ...stack]) {
      const id = loops.get(fn);
      if (id !== undefined) return id;
    }
  }
  return undefined;
}
