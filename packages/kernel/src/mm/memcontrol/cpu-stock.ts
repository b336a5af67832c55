import type { Handle } from '@kmemlab/machine';

const Word = { css: 0, pages: 1, flushing: 2, work: 3, objcg: 4, bytes: 5 } as const;

/** Pages of one memcg that a CPU has in stock; plain data. */
export interface Stocked {
  readonly css: Handle;
  readonly pages: number;
}

/**
 * memcg_stock_pcp: pre-charged pages of one memcg, each with a css reference (to 5.8). The CPU's own, in words that its node reads; only
 * the flag and the work item are written from there.
 */
export class CpuStock {
  static readonly words = 6;

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

  /** Empty the stock; returns what was in it. */
  take(): Stocked {
    const { css, pages } = this;
    this.css = 0;
    this.pages = 0;
    return { css, pages };
  }

  /** The byte part (5.9): the obj_cgroup that the bytes are charged to, 0 if there is none; the stock holds a reference. */
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

  /** FLUSHING_CACHED_CHARGE: an item that drains the stock is queued. */
  get flushing(): boolean {
    return this.words[Word.flushing] === 1;
  }

  set flushing(flushing: boolean) {
    this.words[Word.flushing] = Number(flushing);
  }

  /** The item that drains the stock; 0 before it was first needed. */
  get work(): Handle {
    return this.words[Word.work] as Handle;
  }

  set work(work: Handle) {
    this.words[Word.work] = work;
  }
}
