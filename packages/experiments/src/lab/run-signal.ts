import type { RunEnded } from './run-ended.js';

/** The end of a run from outside its experiment: the first reason counts, and everything that waits hears of it at once. */
export class RunSignal {
  private reason: RunEnded | undefined = undefined;
  private readonly waiting = new Set<(reason: RunEnded) => void>();

  get ended(): RunEnded | undefined {
    return this.reason;
  }

  /** False if it has ended before. */
  end(reason: RunEnded): boolean {
    if (this.reason !== undefined) return false;
    this.reason = reason;
    for (const stop of [...this.waiting]) stop(reason);
    this.waiting.clear();
    return true;
  }

  /** The promise's outcome, unless the run ends before: then rejects with the reason. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.reason !== undefined) {
        promise.catch(() => {});
        reject(this.reason);
        return;
      }
      this.waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.waiting.delete(reject));
    });
  }

  /** Some host time, unless the run ends before. */
  async sleep(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.race(
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, ms);
        }),
      );
    } finally {
      clearTimeout(timer);
    }
  }
}
