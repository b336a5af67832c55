import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineFunction } from '../registry.js';
import { Trace } from '../tracepoints.js';
import { smpCallFunction } from './call-function.js';

const doNothing = defineFunction('csd', 'do_nothing', function* doNothing() {});

/**
 * kick_all_cpus_sync (kernel/smp.c 4.10): call an empty function on all other online CPUs and wait for all of them.
 * On return every CPU has left any interrupts-off region that it had entered before (SMP-5). Process context, interrupts on.
 */
export function* kickAllCpusSync(cpu: Cpu): Coroutine<void> {
  cpu.counters.add('kick_all_cpus_sync');
  const start = cpu.now();
  cpu.trace(Trace.kick, 0, 0, 0, 0);
  const { slowest, sent } = yield* call(smpCallFunction, cpu, doNothing, 0, true);
  cpu.trace(Trace.kick, 1, 0, 0, 0);
  const ns = cpu.now() - start;
  if (slowest < 0) cpu.durations.record('kick_all_cpus_sync', ns);
  else recordSplit(cpu, slowest, start, sent);
}

/**
 * Splits the time of a kick along the CPU that answered last; the parts add up to the whole. Clocks of two CPUs may differ
 * by a little on a real machine, so each moment is kept between the one before it and the end.
 */
function recordSplit(cpu: Cpu, target: number, start: number, sent: number): void {
  const times = cpu.ownWords.callTimes;
  const end = cpu.now();
  const raised = between(times.raised(target), start, end);
  const sendDone = between(sent, start, raised);
  const entered = between(times.entered(target), raised, end);
  const done = between(times.done(target), entered, end);
  cpu.durations.kick({
    sender: cpu.id,
    cpu: target,
    ns: end - start,
    send: sendDone - start,
    delivery: raised - sendDone,
    irqOffWait: entered - raised,
    handler: done - entered,
    ack: end - done,
  });
}

const between = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most);
