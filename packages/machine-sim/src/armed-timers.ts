import type { PendingTimer } from '@kmemlab/machine';
import { EventKind, EventOf, type TimerEvent } from './events.js';

/** The timers of all CPUs that have not expired. The event of one that is not among them any more does nothing. */
export class ArmedTimers {
  private readonly armed = new Map<number, TimerEvent>();
  private made = 0;

  arm(channel: number, cpu: number, at: number, name: string, data: number, deferrable: boolean): TimerEvent {
    const timer = { id: ++this.made, at, name, data, deferrable };
    const event = new EventOf(EventKind.timer, channel, cpu, timer);
    this.armed.set(timer.id, event);
    return event;
  }

  /** Forget a timer. False if it is not there. */
  disarm(id: number): boolean {
    return this.armed.delete(id);
  }

  /** Forget all timers of a CPU, and tell what they were. */
  takeAll(cpu: number, now: number): PendingTimer[] {
    const own = [...this.armed.values()].filter((timer) => timer.cpu === cpu);
    for (const { body } of own) this.armed.delete(body.id);
    return own.map(({ body: { at, name, data, deferrable } }) => ({
      name,
      data,
      deferrable,
      left: Math.max(0, at - now),
    }));
  }
}
