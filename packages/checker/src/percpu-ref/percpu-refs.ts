import { REF_BIAS, rcuKindsOf, refOwners, Trace } from '@kmemlab/kernel';
import type { Handle, Step } from '@kmemlab/machine';
import type { Leaks } from '../leaks/leaks.js';
import type { Reporter } from '../reporter.js';
import type { Family, Invariant, MachineView, Rest } from '../types.js';
import { RefStates } from './ref-states.js';
import { nameOf, percpuSum, RefSums, refOf } from './ref-sums.js';
import { ReleaseContexts } from './release-contexts.js';
import { refRules as rules } from './rules.js';

/** REF-1 to REF-7. */
export class PercpuRefs implements Family {
  private readonly states = refOwners.map(() => new RefStates());
  private readonly contexts: ReleaseContexts;
  private readonly sums: RefSums;
  private begun = 0;
  private ended = 0;

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
    leaks: Leaks,
  ) {
    this.contexts = new ReleaseContexts(view, reporter);
    this.sums = new RefSums(view, reporter, leaks);
  }

  readonly listeners: Family['listeners'] = [
    [Trace.refKill, (cpu, kind, object) => this.kill(cpu, kind, object)],
    [Trace.refSwitch, (cpu, kind, object) => this.endSwitch(cpu, kind, object)],
    [Trace.refConfirm, (cpu, kind, object) => this.confirm(cpu, kind, object)],
    [Trace.refTake, (cpu, kind, object, live) => this.take(cpu, kind, object, live === 1)],
    [Trace.refRelease, (cpu, kind, object, done) => this.release(cpu, kind, object, done === 1)],
    [Trace.refExit, (cpu, kind, object) => this.exit(cpu, kind, object)],
    [Trace.rcuGracePeriod, (_cpu, flavour, number, ended) => this.gracePeriod(flavour, number, ended === 1)],
    [Trace.mutexAcquire, (cpu) => this.contexts.sleep(cpu)],
    [Trace.spinLock, (cpu, lock, irqsOff) => this.contexts.lock(cpu, lock, irqsOff === 1)],
  ];

  /** What has happened last to a reference that was killed. */
  lastStep(kind: number, object: Handle): Step | undefined {
    const state = this.of(kind).get(object);
    return state?.released ?? state?.killed;
  }

  audit(rest: Rest): void {
    if (rest === 'quiet') this.sums.run();
  }

  private kill(cpu: number, kind: number, object: Handle): void {
    this.of(kind).kill(object, this.view.where(cpu), this.begun);
  }

  /** Grace periods of the flavour that percpu_ref waits for: the one begun last, and the one ended last. */
  private gracePeriod(flavour: number, number: number, ended: boolean): void {
    if (flavour !== rcuKindsOf(this.view.build).sched) return;
    if (ended) this.ended = number;
    else this.begun = number;
  }

  /** REF-3. */
  private endSwitch(cpu: number, kind: number, object: Handle): void {
    const state = this.of(kind).get(object);
    if (state === undefined) return;
    if (this.ended <= state.begunAtKill) {
      const detail = 'the per-CPU counters were summed up before a grace period had passed since the kill';
      this.fails(rules.gracePeriod, cpu, kind, object, state.killed, detail);
    }
    state.switched = this.view.where(cpu);
  }

  private confirm(cpu: number, kind: number, object: Handle): void {
    const state = this.of(kind).get(object);
    if (state !== undefined) state.confirmed = this.view.where(cpu);
  }

  /** REF-2, REF-4. */
  private take(cpu: number, kind: number, object: Handle, live: boolean): void {
    const state = this.of(kind).get(object);
    if (state?.released !== undefined) {
      const detail = 'a reference was taken after the last one had been put';
      this.fails(rules.notAfterRelease, cpu, kind, object, state.released, detail);
    } else if (live && state?.confirmed !== undefined) {
      const detail = 'tryget_live succeeded after the kill had been confirmed';
      this.fails(rules.notLiveAfterConfirm, cpu, kind, object, state.confirmed, detail);
    }
  }

  /** REF-1, REF-3. */
  private release(cpu: number, kind: number, object: Handle, done: boolean): void {
    if (done) {
      this.contexts.endRelease(cpu);
      return;
    }
    this.contexts.beginRelease(cpu);
    const states = this.of(kind);
    const state = states.get(object);
    const count = refOf(this.view, kind, object)?.count ?? 0;
    const fails = (rule: Invariant, earlier: Step | undefined, detail: string): void =>
      this.fails(rule, cpu, kind, object, earlier, detail);
    if (state === undefined) {
      fails(rules.releasedOnce, undefined, 'released, but nobody has killed the reference');
      return;
    }
    if (state.released !== undefined) fails(rules.releasedOnce, state.released, 'released a second time');
    else if (state.switched === undefined) {
      fails(rules.gracePeriod, state.killed, 'released before the per-CPU counters were summed up');
    } else if (count !== 0) {
      fails(rules.releasedOnce, state.killed, `released with a count of ${count}`);
    }
    states.release(object, state, this.view.where(cpu));
  }

  /** REF-5. The breach itself does no harm until the callback of the switch comes to the freed counters. */
  private exit(cpu: number, kind: number, object: Handle): void {
    const state = this.of(kind).get(object);
    const fails = (earlier: Step | undefined, detail: string): void =>
      this.reporter.brokenSoFar(rules.exit, nameOf(kind, object), earlier, this.view.where(cpu), detail);
    if (state === undefined) {
      const ref = refOf(this.view, kind, object);
      // Its release is so many releases ago that it is forgotten.
      if (ref?.dead && ref.count === 0) return;
      const others = (ref?.count ?? 1 + REF_BIAS) - REF_BIAS + percpuSum(this.view, kind, object) - 1;
      if (others !== 0) fails(undefined, `the counters are freed while ${others} references are held`);
    } else if (state.switched === undefined) {
      fails(state.killed, 'the counters are freed while their switch to atomic mode is under way');
    } else if (state.released === undefined) {
      fails(state.switched, 'the counters are freed while the reference is held');
    }
  }

  private of(kind: number): RefStates {
    return this.states[kind] as RefStates;
  }

  private fails(
    rule: Invariant,
    cpu: number,
    kind: number,
    object: Handle,
    earlier: Step | undefined,
    detail: string,
  ): void {
    this.reporter.broken(rule, nameOf(kind, object), earlier, this.view.where(cpu), detail);
  }
}
