import { once } from 'node:events';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Line } from './line.js';

/** What a calling thread is told: how many lines to ring at once, how often, and for how long at most. */
export interface CallerOrder {
  readonly lines: number;
  readonly rounds: number;
  /** Host time in ms after which it stops with the rounds it has. */
  readonly budgetMs: number;
}

const { resolve } = createRequire(import.meta.url);

/** A built program of a thread or process, the same file whether this runs as source or as built. */
export const program = (name: string): URL => pathToFileURL(resolve(`@kmemlab/coordinator/floors/${name}`));

/** A buffer for so many lines. */
export const linesBuffer = (lines: number): SharedArrayBuffer => new SharedArrayBuffer(Line.bytes * lines);

/** Starts the thread that answers one line of the buffer. */
export async function startAnswerer(buffer: SharedArrayBuffer, index: number): Promise<Worker> {
  const worker = new Worker(program('answerer'), { workerData: { buffer, index } });
  await once(worker, 'online');
  return worker;
}

/** A thread that calls on the lines of a buffer and times its calls. */
export class Caller {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async start(buffer: SharedArrayBuffer): Promise<Caller> {
    const workerData = { buffer, lines: buffer.byteLength / Line.bytes };
    const worker = new Worker(program('caller'), { workerData });
    await once(worker, 'online');
    return new Caller(worker);
  }

  /** Samples in ns, one per round. Rejects if the thread dies. */
  async measure(order: CallerOrder): Promise<Float64Array> {
    this.#worker.postMessage(order);
    const [samples] = (await once(this.#worker, 'message')) as [Float64Array];
    return samples;
  }
}
