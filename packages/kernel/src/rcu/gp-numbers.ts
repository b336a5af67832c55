import type { Memory, Words } from '@kmemlab/machine';
import { type Flavour, rcuFlavours } from './flavours.js';

/**
 * What a node's leaves know of grace periods, by flavour: written by handlers of the node, read by its CPUs without an
 * effect. Grace periods of a flavour are numbered from 1.
 */
export class GpNumbers {
  private readonly words: Words;

  constructor(memory: Memory) {
    this.words = memory.words();
    this.words.ensure(2 * rcuFlavours.length);
  }

  /** The grace period in progress or last seen. */
  started(flavour: Flavour): number {
    return this.words.view[2 * flavour] as number;
  }

  /** The last one known to be complete. */
  completed(flavour: Flavour): number {
    return this.words.view[2 * flavour + 1] as number;
  }

  start(flavour: Flavour, gp: number): void {
    this.words.view[2 * flavour] = gp;
  }

  complete(flavour: Flavour, gp: number): void {
    this.words.view[2 * flavour + 1] = gp;
  }
}
