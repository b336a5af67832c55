import type { Handle, Step } from '@kmemlab/machine';

/** What the checker remembers of a work item that is queued or being executed. */
export interface WorkState {
  readonly work: Handle;
  /** Queued, and not yet taken for execution. */
  pending: boolean;
  queuedBy: number;
  /** CPU that is to execute it. */
  queuedFor: number;
  /** CPU that was executing the item when it was queued, -1 for none. */
  ranOn: number;
  queuedAt: Step | undefined;
  /** CPU of the pool that it has joined, -1 for a pool of none; and how often that CPU had been going down by then. */
  pool: number;
  poolDowns: number;
  /** Its place in its workqueue's order of insertion; 0 before it joins a pool. */
  place: number;
  /** CPU, workqueue and place of the execution in progress; CPU -1 for none. */
  runningOn: number;
  runningPlace: number;
  /** Pool of the execution in progress. */
  runningPool: number;
  startedAt: Step | undefined;
}

/** The items in use; forgotten when they are neither queued nor executed. */
export class WorkStates {
  private readonly states = new Map<Handle, WorkState>();

  get(work: Handle): WorkState | undefined {
    return this.states.get(work);
  }

  obtain(work: Handle): WorkState {
    let state = this.states.get(work);
    if (state === undefined) {
      const idle = { pending: false, queuedBy: -1, queuedFor: -1, ranOn: -1, queuedAt: undefined };
      const nowhere = { pool: -1, poolDowns: 0, place: 0, runningOn: -1, runningPlace: 0, runningPool: -1 };
      state = { work, ...idle, ...nowhere, startedAt: undefined };
      this.states.set(work, state);
    }
    return state;
  }

  settle(state: WorkState): void {
    if (!state.pending && state.runningOn < 0) this.states.delete(state.work);
  }

  /** An item that is queued and not being taken, if there is one. */
  firstPending(): WorkState | undefined {
    for (const state of this.states.values()) if (state.pending) return state;
    return undefined;
  }
}
