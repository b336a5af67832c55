/** Where something happened: CPU, task, kernel function, time in ns of the machine's clock, kernel stack innermost first. */
export interface Step {
  readonly cpu: number;
  readonly task: string;
  readonly function: string;
  readonly time: number;
  readonly stack?: readonly string[];
}

export const verdictClasses = [
  'use-after-free',
  'double-destroy',
  'leak',
  'lost-object',
  'stall',
  'deadlock',
  'livelock',
  'invariant-broken',
] as const;

export type VerdictClass = (typeof verdictClasses)[number];

/** What the checker found: the class, the invariant or defect id, the object and the conflicting steps, earlier first. */
export interface Verdict {
  readonly class: VerdictClass;
  readonly id: string;
  readonly object: string;
  /** Who had the object last by right, where that is known: see `actorOf`. */
  readonly owner?: string;
  readonly steps: readonly Step[];
  readonly detail: string;
}

/** Who made a step: its task, if that is known, and its CPU. */
export const actorOf = ({ task, cpu }: Step): string => (task === '' ? `CPU${cpu}` : `${task} on CPU${cpu}`);

/** Thrown by model code that met an illegal state; the machine turns it into the run's verdict. */
export class VerdictError extends Error {
  override readonly name = 'VerdictError';

  constructor(readonly verdict: Verdict) {
    super(`${verdict.class} of ${verdict.object}: ${verdict.detail}`);
  }
}
