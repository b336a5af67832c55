import { BOOT_NODE, type Coroutine, request, wait } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineHandler } from '../registry.js';
import { Trace } from '../tracepoints.js';

/**
 * cpu_hotplug of 4.10: a count of readers and one writer, on the boot node. Readers come in as long as no writer has
 * begun, also while one waits; a writer begins when there are no readers.
 */
export class HotplugLock {
  readers = 0;
  writing = false;
  /** Waiter of the writer that waits for the readers, 0 for none. cpu_add_remove_lock lets one in at a time. */
  waitingWriter = 0;
  readonly waitingReaders: number[] = [];
}

const GRANTED = 1;
const QUEUED = 0;

const READ = 0;
const WRITE = 1;
/** Steps of the tracepoint. */
const ASKED = 0;
const HELD = 1;
const LET_GO = 2;

const getReader = defineHandler('hotplug.get', (node, args: { waiter: number }): number => {
  const lock = node.hotplug;
  if (lock.writing) {
    lock.waitingReaders.push(args.waiter);
    return QUEUED;
  }
  lock.readers++;
  return GRANTED;
});

const putReader = defineHandler('hotplug.put', (node, _args: null, context): void => {
  const lock = node.hotplug;
  if (--lock.readers > 0 || lock.waitingWriter === 0) return;
  lock.writing = true;
  context.complete(lock.waitingWriter, GRANTED);
  lock.waitingWriter = 0;
});

const beginWriter = defineHandler('hotplug.begin', (node, args: { waiter: number }): number => {
  const lock = node.hotplug;
  if (lock.readers > 0) {
    lock.waitingWriter = args.waiter;
    return QUEUED;
  }
  lock.writing = true;
  return GRANTED;
});

const endWriter = defineHandler('hotplug.done', (node, _args: null, context): void => {
  const lock = node.hotplug;
  lock.writing = false;
  for (const waiter of lock.waitingReaders.splice(0)) {
    lock.readers++;
    context.complete(waiter, GRANTED);
  }
});

/** get_online_cpus: until put_online_cpus no CPU comes or goes. May nest. Process context. */
export function* getOnlineCpus(cpu: Cpu): Coroutine<void> {
  cpu.trace(Trace.hotplugLock, cpu.taskId, READ, ASKED, 0);
  const waiter = cpu.newWaiter();
  if ((yield* request(BOOT_NODE, getReader, { waiter })) === GRANTED) cpu.dropWaiter(waiter);
  else yield* wait(waiter);
  cpu.trace(Trace.hotplugLock, cpu.taskId, READ, HELD, 0);
}

/** put_online_cpus. */
export function* putOnlineCpus(cpu: Cpu): Coroutine<void> {
  cpu.counters.add('hotplug_read_sections');
  cpu.trace(Trace.hotplugLock, cpu.taskId, READ, LET_GO, 0);
  yield* request(BOOT_NODE, putReader, null);
}

/** get_online_cpus and get_online_mems, in this order; nodes never come or go in the model, so the latter is nothing. */
export const getOnlineCpusMems = getOnlineCpus;

/** put_online_mems and put_online_cpus. */
export const putOnlineCpusMems = putOnlineCpus;

/** cpu_hotplug_begin: wait until nobody reads, then keep readers out. Caller holds cpu_add_remove_lock. */
export function* cpuHotplugBegin(cpu: Cpu): Coroutine<void> {
  cpu.trace(Trace.hotplugLock, cpu.taskId, WRITE, ASKED, 0);
  const waiter = cpu.newWaiter();
  if ((yield* request(BOOT_NODE, beginWriter, { waiter })) === GRANTED) cpu.dropWaiter(waiter);
  else yield* wait(waiter);
  cpu.trace(Trace.hotplugLock, cpu.taskId, WRITE, HELD, 0);
}

/** cpu_hotplug_done: everybody who waits to read comes in. */
export function* cpuHotplugDone(cpu: Cpu): Coroutine<void> {
  cpu.trace(Trace.hotplugLock, cpu.taskId, WRITE, LET_GO, 0);
  yield* request(BOOT_NODE, endWriter, null);
}
