import { createRequire } from 'node:module';
import { Tinypool } from 'tinypool';
import type { SearchPlan, Tried } from './types.js';

/** The built thread, the same file whether this runs as source or as built. */
const worker = createRequire(import.meta.url).resolve('@kmemlab/experiments/search-thread');

/** Resolves when the signal is aborted, never if there is none: what a thread does is raced with it. */
export const abortOf = (signal: AbortSignal | undefined): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal?.aborted) resolve(undefined);
    signal?.addEventListener('abort', () => resolve(undefined), { once: true });
  });

/** Threads that try schedules: parts of one plan, or whole plans by themselves. */
export class SearchThreads {
  private readonly pool: Tinypool;
  private readonly died: Promise<never>;

  /** @param plan whose parts they try */
  constructor(
    readonly count: number,
    plan?: SearchPlan,
  ) {
    this.pool = new Tinypool({ filename: worker, workerData: plan, minThreads: count, maxThreads: count });
    this.died = new Promise((_, reject) => {
      for (const thread of this.pool.threads) {
        thread.once('exit', (code: unknown) => reject(new Error(`a thread of the search ended (exit code ${code})`)));
      }
    });
    this.died.catch(() => {});
  }

  /** @throws Error if a thread dies meanwhile */
  run<T = Tried>(task: unknown, name = 'default'): Promise<T> {
    return Promise.race([this.pool.run(task, { name }) as Promise<T>, this.died]);
  }

  /** Once a thread has died by itself the pool would wait for its end for ever. */
  async close(): Promise<void> {
    await Promise.race([this.pool.destroy(), this.died.catch(() => {})]);
  }
}
