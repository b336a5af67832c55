import { ORDER_REPEAT_MS, subjectsOf } from '@kmemlab/coordinator';
import type { Progress } from '@kmemlab/experiments';
import type { Bus } from '@kmemlab/machine-live';
import type { RunResult } from '@kmemlab/results';

/** Host time between two messages about the progress of one order, at least; ms. */
const PROGRESS_MS = 250;

/** What is published about an order that is under way. */
export type OrderProgress =
  | { readonly state: 'queued' /** Orders before this one, with the run in hand. */; readonly before: number }
  | ({ readonly state: 'running' } & Progress);

/** The answers to one order: some progress, repeated where there is none, then one result or refusal. Nothing follows that. */
export class Outbox {
  private readonly subjects: ReturnType<typeof subjectsOf>;
  private last = Number.NEGATIVE_INFINITY;
  private answered = false;
  private repetition: NodeJS.Timeout | undefined;

  /** @param now host time, ms */
  constructor(
    private readonly bus: Pick<Bus, 'publish' | 'maxPayload'>,
    id: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.subjects = subjectsOf(id);
  }

  /** At most four in a second are published, the others are left out. */
  progress(progress: OrderProgress): void {
    const now = this.now();
    if (this.answered || now - this.last < PROGRESS_MS) return;
    this.last = now;
    const document = encoded(progress);
    const say = (): void => this.bus.publish(this.subjects.progress, document);
    say();
    clearInterval(this.repetition);
    this.repetition = setInterval(say, ORDER_REPEAT_MS).unref();
  }

  /**
   * The result; a refusal that says where it is if the server does not take messages of its size.
   * @param directory where it is kept
   */
  result(result: RunResult, directory: string): void {
    const document = encoded(result);
    const { maxPayload } = this.bus;
    if (document.length <= maxPayload) this.answer(this.subjects.result, document);
    else {
      this.refused(
        `the run ended (${result.outcome}), but its result has ${document.length} bytes and the server takes ${maxPayload}; it is in ${directory}`,
      );
    }
  }

  /** @param reason one sentence */
  refused(reason: string): void {
    this.answer(this.subjects.refused, encoded({ reason }));
  }

  private answer(subject: string, document: Uint8Array): void {
    if (this.answered) return;
    this.answered = true;
    clearInterval(this.repetition);
    this.bus.publish(subject, document);
  }
}

const encoded = (document: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(document));
