import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Order } from './station.js';
import type { Floor } from './summary.js';
import { program } from './threads.js';

/** A floor that could not be measured: which, and why. */
export class FloorError extends Error {
  override readonly name = 'FloorError';
}

type Reply = { readonly floor?: Floor } | { readonly error: string };

/**
 * A process of its own in which floors are measured, so that nothing this process does disturbs them, and so that killing
 * it ends all their threads. It ends with this process in any case. It takes one order at a time.
 */
export class FloorProcess {
  readonly #child: ChildProcess;
  /** Resolves when it is gone, with how it ended. */
  readonly gone: Promise<string>;

  /** `pin`: the cores it may run on as `taskset -c` writes them; any if absent. Needs `taskset` on PATH. */
  constructor(pin?: string) {
    const command = [process.execPath, fileURLToPath(program('station'))];
    const [file = '', ...args] = pin === undefined ? command : ['taskset', '-c', pin, ...command];
    this.#child = spawn(file, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    this.gone = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('close', (status, signal) => resolve(`it ended with ${signal ?? `status ${status}`}`));
    });
  }

  /** Has it do something that measures. Rejects with a FloorError if it fails, dies or takes longer than `deadlineMs`. */
  async measure(order: Order, deadlineMs: number): Promise<Floor> {
    const floor = await this.order(order, deadlineMs);
    if (floor === undefined) throw new FloorError(`${order.do}: it measures nothing`);
    return floor;
  }

  /** Has it do something. Rejects as {@link FloorProcess.measure} does, and is of no more use then. */
  async order(order: Order, deadlineMs: number): Promise<Floor | undefined> {
    let timer: NodeJS.Timeout | undefined;
    let heard: ((reply: Reply) => void) | undefined;
    const reply = new Promise<Reply>((resolve) => {
      heard = resolve;
      this.#child.once('message', heard);
      timer = setTimeout(() => resolve({ error: `no answer in ${deadlineMs} ms` }), deadlineMs);
      void this.gone.then((error) => resolve({ error }));
      this.#child.send(order, (error) => error && resolve({ error: error.message }));
    });
    try {
      const answer = await reply;
      if ('error' in answer) throw new FloorError('at' in order ? answer.error : `${order.do}: ${answer.error}`);
      return answer.floor;
    } finally {
      clearTimeout(timer);
      if (heard !== undefined) this.#child.removeListener('message', heard);
    }
  }

  /** Ends it, whatever it is doing, and resolves when it is gone. */
  async close(): Promise<void> {
    if (this.#child.pid !== undefined) this.#child.kill('SIGKILL');
    await this.gone;
  }
}
