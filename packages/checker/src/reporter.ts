import type { Step, VerdictClass } from '@kmemlab/machine';
import type { Invariant, MachineView } from './types.js';

/** Turns a broken rule into the run's verdict. Only the first one counts: the run ends with it. */
export class Reporter {
  private reported = false;

  constructor(private readonly view: MachineView) {}

  /** @param earlier the conflicting step, if it is known; it stands before `now` in the verdict */
  broken(
    { id }: Invariant,
    object: string,
    earlier: Step | undefined,
    now: Step,
    detail: string,
    verdictClass: VerdictClass = 'invariant-broken',
  ): void {
    if (this.reported) return;
    this.reported = true;
    const steps = earlier === undefined ? [now] : [earlier, now];
    this.view.report({ class: verdictClass, id, object, steps, detail });
  }

  /** A step of which only the place and the time were kept. */
  static past(cpu: number, fn: string, time: number): Step {
    return { cpu, task: '', function: fn, time };
  }
}
