import { type Port, Vector } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { type ExpiredTimer, HRTIMER, TICK } from './timer.js';

/** Timers of one CPU that have expired and wait for their softirq or for the CPU to be busy, and its periodic tick. */
export class CpuTimers {
  /** To be run by the softirq. */
  readonly expired: ExpiredTimer[] = [];
  /** The local timer interrupt that comes, or is there, is a tick. */
  tickExpired = false;
  /** Deferrable ones that expired on an idle CPU. */
  private readonly deferred: ExpiredTimer[] = [];
  private tickArmed = false;

  constructor(
    private readonly cpu: Cpu,
    private readonly port: Port,
  ) {}

  /** Everything that has expired and not been run; it is taken away. */
  takeExpired(): ExpiredTimer[] {
    this.tickExpired = false;
    return [...this.expired.splice(0), ...this.deferred.splice(0)];
  }

  /** The CPU is not idle any more: what was put off until then runs now. */
  runDeferred(): void {
    if (this.deferred.length === 0) return;
    this.expired.push(...this.deferred.splice(0));
    this.cpu.deliverInterrupt(Vector.localTimer);
  }

  /** Start the periodic tick unless it runs, or the CPU is nohz_full and does without. */
  armTick(): void {
    if (!this.cpu.nohzFull || !this.canStopTick) this.startTick();
  }

  /** sched_can_stop_tick and rcu_needs_cpu: at most one task wants a nohz_full CPU, and RCU does not need its tick. */
  private get canStopTick(): boolean {
    return this.cpu.tasksThatWantIt <= 1 && this.cpu.rcu.length === 0;
  }

  /** Start the periodic tick at the next jiffy unless it runs. */
  startTick(): void {
    if (this.tickArmed || this.cpu.dead) return;
    this.tickArmed = true;
    const { jiffy } = this.cpu;
    this.port.timer(this.cpu, jiffy - (Math.floor(this.port.time()) % jiffy), TICK, 0, false);
  }

  /** The timers have been taken away from a CPU that goes offline. */
  die(): void {
    this.tickArmed = false;
  }

  /**
   * A timer of this CPU expired. An idle CPU stops its tick unless RCU callbacks wait, and puts deferrable timers off; a
   * nohz_full one stops its tick with one task, too. The machine runs the CPU afterwards.
   */
  expire(name: string, data: number, deferrable: boolean): void {
    const { cpu } = this;
    const { idle } = cpu.ownWords;
    if (name === TICK) {
      this.tickArmed = false;
      if (idle && !cpu.rcu.needsTick) return;
      if (cpu.nohzFull && this.canStopTick) return;
      this.tickExpired = true;
    } else if (deferrable && idle) {
      this.deferred.push({ name, data });
      return;
    } else {
      if (name !== HRTIMER) this.tickExpired = true;
      this.expired.push({ name, data });
    }
    cpu.deliverInterrupt(Vector.localTimer);
  }
}
