import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** FNV-1a over a name: 32 bits that depend on the name alone, not on what else there is. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}

/** An independent stream of random integers for one subsystem of one run. */
export class RandomStream {
  private readonly generator: ReturnType<typeof xoroshiro128plus>;

  constructor(seed: number, subsystem: string) {
    this.generator = xoroshiro128plus(Math.imul(seed, 0x9e3779b1) ^ hashName(subsystem));
  }

  /** Uniform integer in [0, bound). */
  below(bound: number): number {
    return uniformInt(this.generator, 0, bound - 1);
  }
}
