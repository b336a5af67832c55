import { randomUUID } from 'node:crypto';
import type { Bus } from '@kmemlab/machine-live';
import { RunFailed } from '@kmemlab/results';
import { InputProblem } from '../input-problem.js';
import { ORDER_REPEAT_MS, ORDER_SCHEMA, SUBMIT_SUBJECT, subjectsOf } from './subjects.js';

/** For the first word of a coordinator service: it answers before it does anything. */
const TAKEN_MS = 5_000;
/** For any further word; it repeats itself every {@link ORDER_REPEAT_MS}. */
const SILENCE_MS = 4 * ORDER_REPEAT_MS;

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
  /** Silence of the service, once it has answered, for which it is taken for dead, ms; 20 s if absent. */
  readonly silenceMs?: number;
}

const decoded = (data: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(data));

/**
 * Have a coordinator service on this server run something.
 * @returns the result document, undefined if the signal was aborted before it came
 * @throws InputProblem if no service answers, or the order is refused
 * @throws RunFailed `service-lost` if the service falls silent
 * @throws Error if it says what makes no sense
 */
export async function submitOrder(options: SubmitOptions): Promise<unknown> {
  const { bus, request, signal, onSent, onProgress, silenceMs = SILENCE_MS } = options;
  if (signal.aborted) return undefined;
  const id = randomUUID();
  const subjects = subjectsOf(id);
  const ended = new AbortController();
  try {
    return await new Promise<unknown>((resolve, reject) => {
      const silent = new InputProblem(
        `no coordinator service answers at ${bus.server}; start one there (docs/live.md), or use "kmemlab run --nats URL"`,
      );
      const gone = new RunFailed({
        kind: 'service-lost',
        detail: `the coordinator at ${bus.server} has said nothing for ${silenceMs / 1000} s; if it is back, its runs are in its directory`,
      });
      let timer = setTimeout(() => reject(silent), TAKEN_MS);
      const listen = (subject: string, hear: (document: unknown) => void): void => {
        const onData = (data: Uint8Array): void => {
          clearTimeout(timer);
          timer = setTimeout(() => reject(gone), silenceMs);
          try {
            hear(decoded(data));
          } catch (error) {
            reject(error);
          }
        };
        const unsubscribe = bus.subscribe(subject, onData, () => reject(silent));
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
      const order = new TextEncoder().encode(JSON.stringify({ schema: ORDER_SCHEMA, id, request }));
      bus.publish(SUBMIT_SUBJECT, order, subjects.refused);
      onSent?.(id);
    });
  } finally {
    ended.abort();
  }
}
