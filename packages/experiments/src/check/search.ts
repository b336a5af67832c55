import { availableParallelism } from 'node:os';
import { Sketch, type Stall } from '@kmemlab/machine-sim';
import type { IdlePatch } from '@kmemlab/results';
import { abortOf, SearchThreads } from './search-threads.js';
import type { Part } from './try-schedules.js';
import type { Counterexample, SearchPlan, Tried } from './types.js';

/** Schedules that a thread tries before it reports. */
const PART = 40;

export interface SearchOptions {
  /** Threads; one per core if absent. */
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  /** Called after each part, with the schedules tried so far. */
  readonly onProgress?: (tried: number) => void;
}

/** What a search came to. It does not depend on the number of threads. */
export interface SearchResult {
  /** Schedules tried, up to the one that ended the search. */
  readonly schedules: number;
  /** About how many different states they went through, and how many different orders of dependent steps they were. */
  readonly states: number;
  readonly orders: number;
  /** Events of all schedules, and of the longest. */
  readonly steps: number;
  readonly longest: number;
  /** The first schedule with a verdict; one in which a broken rule did harm, if there is one. */
  readonly found: Counterexample | undefined;
  /** Patches of the user's that made no difference in any schedule. */
  readonly idlePatches: readonly IdlePatch[];
  /** Model code threw. */
  readonly failure: Tried['failure'];
  readonly interrupted: boolean;
  /** There is no schedule left within the bounds of an exhaustive search. */
  readonly complete: boolean;
}

/**
 * Try schedules of a scenario on all cores until one ends with a verdict.
 * @throws Error if a thread dies
 */
export async function search(plan: SearchPlan, options: SearchOptions = {}): Promise<SearchResult> {
  const threads = Math.max(1, Math.min(options.jobs ?? availableParallelism(), Math.ceil(plan.schedules / PART)));
  const own = new SearchThreads(threads, plan);
  try {
    return await new Search(plan, options, own).run();
  } finally {
    await own.close();
  }
}

class Search {
  private readonly states = new Sketch();
  private readonly orders = new Sketch();
  private readonly expanded = new Set<string>();
  /** Of an exhaustive search: the schedules with one stall more, and how many of them there is room for. */
  private readonly next: (readonly Stall[])[] = [];
  private nextRoom = 0;
  /** Not every schedule within the bounds was kept to be tried. */
  private cut = false;
  private schedules = 0;
  private steps = 0;
  private longest = 0;
  private found: Counterexample | undefined = undefined;
  private harmless: Counterexample | undefined = undefined;
  private failure: Tried['failure'];
  private idlePatches: readonly IdlePatch[] | undefined;
  private tried = 0;
  private readonly aborted: Promise<undefined>;

  constructor(
    private readonly plan: SearchPlan,
    private readonly options: SearchOptions,
    private readonly threads: SearchThreads,
  ) {
    this.aborted = abortOf(options.signal);
  }

  async run(): Promise<SearchResult> {
    const { plan } = this;
    let level: readonly (readonly Stall[])[] = [[]];
    if (plan.strategy !== 'exhaustive') await this.tryLevel(plan.schedules, []);
    else {
      while (level.length > 0 && this.room > 0 && !this.ended) {
        await this.tryLevel(level.length, level);
        level = this.next.splice(0);
      }
    }
    const found = this.found ?? this.harmless;
    const { schedules, steps, longest, failure, interrupted } = this;
    const complete = plan.strategy === 'exhaustive' && level.length === 0 && !this.cut && !this.ended;
    const seen = { states: this.states.count, orders: this.orders.count };
    const { idlePatches = [] } = this;
    return { schedules, ...seen, steps, longest, found, idlePatches, failure, interrupted, complete };
  }

  private get interrupted(): boolean {
    return this.options.signal?.aborted ?? false;
  }

  private get ended(): boolean {
    return this.interrupted || this.found !== undefined || this.failure !== undefined;
  }

  /** Schedules that may still be tried. */
  private get room(): number {
    return this.plan.schedules - this.schedules;
  }

  /**
   * Try the next `count` schedules, in parts on all threads. Parts are counted in their order, up to the first that ends
   * the search; what later ones found does not count.
   */
  private async tryLevel(count: number, given: readonly (readonly Stall[])[]): Promise<void> {
    const first = this.schedules;
    this.nextRoom = this.room - count;
    const parts: Part[] = [];
    for (let at = 0; at < count; at += PART) {
      const size = Math.min(PART, count - at);
      parts.push({ first: first + at, count: size, given: given.slice(at, at + size), expand: 0 });
    }
    const results: (Tried | undefined)[] = [];
    let started = 0;
    let last = parts.length;
    let counted = 0;
    const work = async (): Promise<void> => {
      while (started < last && !this.interrupted) {
        const number = started++;
        const part = { ...(parts[number] as Part), expand: this.nextRoom - this.next.length };
        const result = await this.tryPart(part);
        if (result === undefined) return;
        results[number] = result;
        if (result.found !== undefined || result.failure !== undefined) last = Math.min(last, number);
        for (; results[counted] !== undefined && !this.ended; counted++) {
          this.count(results[counted] as Tried, (parts[counted] as Part).given);
        }
      }
    };
    await Promise.all(Array.from({ length: this.threads.count }, work));
  }

  /** Undefined if the search was interrupted meanwhile. */
  private async tryPart(part: Part): Promise<Tried | undefined> {
    const result = await Promise.race([this.threads.run(part), this.aborted]);
    this.tried += result?.schedules ?? 0;
    this.options.onProgress?.(this.tried);
    return result;
  }

  /** @param given the stalls of its schedules, of an exhaustive search */
  private count(part: Tried, given: Part['given']): void {
    this.schedules += part.schedules;
    this.steps += part.steps;
    this.longest = Math.max(this.longest, part.longest);
    this.states.merge(part.states);
    this.orders.merge(part.orders);
    this.found = part.found;
    this.harmless ??= part.harmless;
    this.failure = part.failure;
    const idleHere = part.idlePatches;
    this.idlePatches = (this.idlePatches ?? idleHere).filter(({ name }) => idleHere.some((idle) => idle.name === name));
    for (const { behind, of, more } of part.expansions) {
      if (this.expanded.has(behind)) continue;
      this.expanded.add(behind);
      const fit = more.slice(0, this.nextRoom - this.next.length);
      for (const stall of fit) this.next.push([...(given[of] as readonly Stall[]), stall]);
      this.cut ||= fit.length < more.length;
    }
  }
}
