import type { Handle } from '@kmemlab/machine';
import type { Stock } from './charge.js';
import type { ByteStock } from './obj-types.js';

/** Words of a stock. */
const Word = { css: 0, pages: 1, objcg: 2, bytes: 3 } as const;

/**
 * memcg_stock_pcp: what a CPU has charged in advance, in words that its node's handlers can read. Only its CPU writes it,
 * with interrupts off.
 */
export class MemcgStock implements Stock, ByteStock {
  static readonly words = 4;

  /** @param words memory for it: `MemcgStock.words` of it */
  constructor(private readonly words: Float64Array) {}

  get css(): Handle {
    return this.words[Word.css] as Handle;
  }

  set css(css: Handle) {
    this.words[Word.css] = css;
  }

  get pages(): number {
    return this.words[Word.pages] as number;
  }

  set pages(pages: number) {
    this.words[Word.pages] = pages;
  }

  get objcg(): Handle {
    return this.words[Word.objcg] as Handle;
  }

  set objcg(objcg: Handle) {
    this.words[Word.objcg] = objcg;
  }

  get bytes(): number {
    return this.words[Word.bytes] as number;
  }

  set bytes(bytes: number) {
    this.words[Word.bytes] = bytes;
  }
}
