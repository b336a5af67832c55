import { randomUUID } from 'node:crypto';
import type { Bus } from '@kmemlab/machine-live';
import { InputProblem } from '../input-problem.js';
import { ORDER_SCHEMA, SUBMIT_SUBJECT, subjectsOf } from './subjects.js';

/** For the first word of a coordinator service: it answers before it does anything. */
const TAKEN_MS = 5_000;

export interface SubmitOptions {
  readonly bus: Bus;
  /** As the order's `request`. */
  readonly request: object;
  /** Aborting stops listening; the run goes on. */
  readonly signal: AbortSignal;
  /** Called with the order's id when it is sent. */
  readonly onSent?: (id: string) => void;
  /** Called with each document about its progress. */
  readonly onProgress?: (progress: unknown) => void;
}

const decoded = (data: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(data));

/**
 * Have a coordinator service on this server run something.
 * @returns the result document, undefined if the signal was aborted before it came
 * @throws InputProblem if no service answers, or the order is refused
 */
export async function submitOrder(options: SubmitOptions): Promise<unknown> {
  const { bus, request, signal, onSent, onProgress } = options;
  const id = randomUUID();
  const subjects = subjectsOf(id);
  const ended = new AbortController();
  try {
    return await new Promise<unknown>((resolve, reject) => {
      const silent = new InputProblem(
        `no coordinator service answers at ${bus.server}; start one there (docs/live.md), or use "kmemlab run --nats URL"`,
      );
      const timer = setTimeout(() => reject(silent), TAKEN_MS);
      const listen = (subject: string, hear: (document: unknown) => void): void => {
        const unsubscribe = bus.subscribe(subject, (data) => {
          clearTimeout(timer);
          hear(decoded(data));
        });
        ended.signal.addEventListener('abort', unsubscribe);
      };
      ended.signal.addEventListener('abort', () => clearTimeout(timer));
      listen(subjects.progress, (progress) => onProgress?.(progress));
      listen(subjects.result, resolve);
      listen(subjects.refused, (refusal) => {
        const { reason } = refusal as { readonly reason?: unknown };
        reject(new InputProblem(`the coordinator at ${bus.server} refuses: ${reason}`));
      });
      bus.onLost((reason) => reject(new Error(`the connection to ${bus.server} was lost: ${reason}`)));
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
      bus.publish(SUBMIT_SUBJECT, new TextEncoder().encode(JSON.stringify({ schema: ORDER_SCHEMA, id, request })));
      onSent?.(id);
    });
  } finally {
    ended.abort();
  }
}
