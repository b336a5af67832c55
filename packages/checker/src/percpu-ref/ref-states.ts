import type { Handle, Step } from '@kmemlab/machine';

/** References remembered after their release, so that a later use can name it. */
const RELEASED_KEPT = 1024;

/** How far the life of one killed percpu_ref has come: the step that brought it there, each undefined until then. */
export interface RefState {
  readonly killed: Step;
  /** The grace period that had begun last at the kill: a later one has to end before the counters are summed up. */
  readonly begunAtKill: number;
  switched: Step | undefined;
  confirmed: Step | undefined;
  released: Step | undefined;
}

/** The percpu_refs of one kind of object that were killed, and for a while those released. */
export class RefStates {
  private readonly killed = new Map<Handle, RefState>();
  private readonly released = new Map<Handle, RefState>();

  get(object: Handle): RefState | undefined {
    return this.killed.get(object) ?? this.released.get(object);
  }

  kill(object: Handle, killed: Step, begunAtKill: number): void {
    const later = { switched: undefined, confirmed: undefined, released: undefined };
    this.killed.set(object, { killed, begunAtKill, ...later });
  }

  release(object: Handle, state: RefState, step: Step): void {
    state.released = step;
    this.killed.delete(object);
    this.released.set(object, state);
    const [oldest] = this.released.keys();
    if (this.released.size > RELEASED_KEPT && oldest !== undefined) this.released.delete(oldest);
  }
}
