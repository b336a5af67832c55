import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { type DeterminismCheck, oneLine, RunFailed, type RunResult } from '@kmemlab/results';
import { InputError, type Progress, type RunOptions, type Scenario } from './api.js';

/** The built thread, the same file whether this runs as source or as built. */
const program = createRequire(import.meta.url).resolve('@kmemlab/experiments/sim-thread');

/** Host time that a thread has to come to an end in once it was asked to, ms. */
const PATIENCE = 2000;

/** What a thread is to do. */
export interface Order {
  readonly scenario: Scenario;
  /** Run it twice and compare every event. */
  readonly twice: boolean;
}

/** What a thread says; `result`, `refused` or `failed` is the last about an order. */
export type Said =
  | { readonly progress: Progress }
  | { readonly partial: RunResult }
  | { readonly result: unknown }
  | { readonly refused: string }
  | { readonly failed: string };

/**
 * Threads with nothing to do, warm: a new one takes seconds until it is as fast. Those that have run code of the user's are not
 * used again: the next run would find what that has left behind.
 */
const idle: Worker[] = [];

/**
 * Run a scenario of the deterministic machine on a thread of its own: several run side by side, and one that never comes to
 * the end of a step, for a loop in a patch say, can be interrupted.
 * @throws InputError as `runScenario` does
 * @throws RunFailed if the thread dies, or does not end when it is interrupted
 */
export const runOnThread = (scenario: Scenario, options: RunOptions): Promise<RunResult> =>
  onThread({ scenario, twice: false }, options);

/** `checkDeterminism` on a thread of its own; throws what `runOnThread` throws, too. */
export const checkOnThread = (
  scenario: Scenario,
  options: RunOptions,
): Promise<DeterminismCheck & { readonly result: RunResult }> => onThread({ scenario, twice: true }, options);

const hasPatch = ({ scenario }: Order): boolean => scenario.patchFiles.length > 0;

async function onThread<T>(order: Order, options: RunOptions): Promise<T> {
  const thread = (hasPatch(order) ? undefined : idle.pop()) ?? new Worker(program);
  const over = new AbortController();
  /** Whether it can be used again. */
  let isWell = false;
  try {
    const result = await done<T>(thread, order, options, over.signal);
    isWell = !hasPatch(order);
    return result;
  } finally {
    over.abort();
    for (const event of ['message', 'error', 'exit']) thread.removeAllListeners(event);
    if (isWell) {
      thread.unref();
      idle.push(thread);
    } else await thread.terminate();
  }
}

/** Resolves when the thread has done what it was told; `over` is aborted then. */
function done<T>(thread: Worker, order: Order, options: RunOptions, over: AbortSignal): Promise<T> {
  const { signal, onProgress, onPartial } = options;
  return new Promise<T>((resolve, reject) => {
    const fail = (kind: string, detail: string) => reject(new RunFailed({ kind, detail }));
    const blamed = hasPatch(order) ? 'patch-threw' : 'internal';

    const hear = (said: Said): void => {
      if ('progress' in said) onProgress?.(said.progress);
      else if ('partial' in said) onPartial?.(said.partial);
      else if ('result' in said) resolve(said.result as T);
      else if ('refused' in said) reject(new InputError(said.refused));
      else fail('internal', said.failed);
    };
    thread.on('message', (said: Said) => {
      try {
        hear(said);
      } catch (error) {
        reject(error);
      }
    });
    thread.on('error', (error: NodeJS.ErrnoException | null | undefined) => {
      if (error?.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        fail('out-of-memory', 'the model does not fit; run fewer loops, fewer --jobs, or Node with a larger heap');
      } else fail(blamed, `${oneLine(error)}, thrown where nobody waits for it`);
    });
    thread.on('exit', (code) => fail(blamed, `its thread ended with status ${code}; does a patch call process.exit?`));

    const interrupt = () => {
      thread.postMessage('interrupt');
      const why = hasPatch(order) ? '; is there an endless loop in a patch?' : '';
      const detail = `a step had not ended ${PATIENCE / 1000} s later${why}`;
      const late = setTimeout(fail, PATIENCE, 'interrupted', detail);
      over.addEventListener('abort', () => clearTimeout(late));
    };
    thread.ref();
    thread.postMessage(order);
    if (signal?.aborted) interrupt();
    else signal?.addEventListener('abort', interrupt, { once: true, signal: over });
  });
}
