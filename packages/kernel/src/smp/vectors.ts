import { type Coroutine, Vector } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { localTimerInterrupt } from '../sched/timer.js';
import { rescheduleInterrupt } from '../sched/wake.js';
import { smpCallFunctionInterrupt } from './interrupt.js';

/** What each vector runs. */
export const interruptHandlers: Readonly<Record<number, (cpu: Cpu, vector: number) => Coroutine<void>>> = {
  [Vector.callFunction]: smpCallFunctionInterrupt,
  [Vector.callFunctionSingle]: smpCallFunctionInterrupt,
  [Vector.reschedule]: rescheduleInterrupt,
  [Vector.localTimer]: localTimerInterrupt,
};
