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

/** Splits the time of a kick along the CPU that answered last; the parts add up to the whole. */
function recordSplit(cpu: Cpu, target: number, start: number, sent: number): void {
  const times = cpu.ownWords.callTimes;
  const end = cpu.now();
  const raised = Math.min(Math.max(times.raised(target), start), end);
  const sendDone = Math.min(Math.max(sent, start), raised);
  cpu.durations.kick({
    sender: cpu.id,
    cpu: target,
    ns: end - start,
    send: sendDone - start,
    delivery: raised - sendDone,
    irqOffWait: Math.max(0, times.entered(target) - raised),
    handler: times.done(target) - Math.max(times.entered(target), raised),
    ack: end - times.done(target),
  });
}
