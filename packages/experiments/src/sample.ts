import { type Program, sys } from '@kmemlab/kernel';
import type { Sample } from '@kmemlab/results';

/** What exists at this moment of a series. */
export function* sample(phase: string, generation: number): Program<Sample> {
  const { dying, caches, directories } = yield* sys.census();
  return { phase, generation, dying, caches, directories };
}
