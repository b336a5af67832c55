import { actorOf, type Step, type Verdict, type VerdictClass } from '@kmemlab/machine';
import type { Invariant, MachineView } from './types.js';

/** What a verdict says beyond its rule: see `Verdict`. */
interface More {
  readonly class?: VerdictClass;
  /** Who had the object last by right; whoever made the earlier step if that is not said. */
  readonly owner?: string;
}

/** Turns a broken rule into the run's verdict. Only the first one counts: the run ends with it. */
export class Reporter {
  /** What was reported did no harm by itself. */
  concluded = false;
  private reported = false;
  private kept: Verdict | undefined = undefined;

  constructor(private readonly view: MachineView) {}

  /** @param earlier the conflicting step, if it is known; it stands before `now` in the verdict */
  broken(rule: Invariant, object: string, earlier: Step | undefined, now: Step, detail: string, more: More = {}): void {
    if (!this.reported) this.report(verdictOf(rule, object, earlier, now, detail, more));
  }

  /**
   * A rule is broken that does no harm by itself. What comes of it (a deadlock, a use after free) says more, so the run goes
   * on; the first such breach is reported by `conclude` if nothing has.
   */
  brokenSoFar(rule: Invariant, object: string, earlier: Step | undefined, now: Step, detail: string): void {
    this.kept ??= verdictOf(rule, object, earlier, now, detail, {});
  }

  /** A defect that no single rule describes. */
  found(verdict: Verdict): void {
    if (!this.reported) this.report(verdict);
  }

  conclude(): void {
    if (this.reported || this.kept === undefined) return;
    this.concluded = true;
    this.report(this.kept);
  }

  private report(verdict: Verdict): void {
    this.reported = true;
    this.view.report(verdict);
  }

  /** A step of which only the place and the time were kept. */
  static past(cpu: number, fn: string, time: number): Step {
    return { cpu, task: '', function: fn, time };
  }
}

function verdictOf(
  { id }: Invariant,
  object: string,
  earlier: Step | undefined,
  now: Step,
  detail: string,
  more: More,
): Verdict {
  const owner = more.owner ?? (earlier === undefined ? undefined : actorOf(earlier));
  return {
    class: more.class ?? 'invariant-broken',
    id,
    object,
    ...(owner !== undefined && { owner }),
    steps: earlier === undefined ? [now] : [earlier, now],
    detail,
  };
}
