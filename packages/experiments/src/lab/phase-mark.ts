import type { NodeInventory } from '@kmemlab/kernel';
import type { NodeReport } from '@kmemlab/machine-live';
import { STALL_NS } from './kernel-work.js';
import type { LiveMonitor } from './live-monitor.js';
import { isDeadline } from './live-nodes.js';
import { type Reading, readingOf } from './reading.js';
import { disagreement, interruptsAgree, interruptsOf, isAtRest } from './rest.js';

/** Host time between two looks at the machine, ms: at first, and at most. */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 20;
/** How long CPUs are held while interrupts on their way are awaited, before they may run on for a moment, ms and looks. */
const HOLD_MS = 500;
const LEAST_LOOKS = 8;
/** Least number of times that CPUs are held before their counts are said to disagree. */
const LEAST_HOLDS = 3;

/** What a mark found. */
export interface Mark {
  readonly reports: readonly NodeReport[];
  readonly inventories: readonly NodeInventory[];
}

const longer = (ms: number): number => Math.min(LAST_LOOK_MS, 2 * ms);

/** Wait until no callback, work item or message is left: two looks in a row that find rest, and nothing done in between. */
export async function untilQuiet({ nodes, signal }: LiveMonitor): Promise<void> {
  let pause = FIRST_LOOK_MS;
  let before = '';
  for (;;) {
    const looks = await nodes.quiet();
    const now = isAtRest(looks)
      ? JSON.stringify(looks.map(({ sent, received, activity }) => [sent, received, activity]))
      : '';
    if (now !== '' && now === before) return;
    before = now;
    await signal.sleep(pause);
    pause = longer(pause);
  }
}

/**
 * End a phase: hold all CPUs until no call-function interrupt is on its way, read everything, let them run on. Counts that
 * never agree are a verdict (SMP-10), and so is a CPU that cannot be held.
 */
export async function takeMark(monitor: LiveMonitor, timeScale: number): Promise<Mark> {
  const { nodes, signal } = monitor;
  const giveUp = performance.now() + STALL_NS / timeScale / 1e6;
  let pause = FIRST_LOOK_MS;
  for (let holds = 1; ; holds++) {
    await hold(monitor);
    const held = await agreedReading(monitor);
    if (held === undefined) {
      const reports = await nodes.report(true);
      const inventories = await nodes.inventory();
      await nodes.resume();
      return { reports, inventories };
    }
    const lastly = holds >= LEAST_HOLDS && performance.now() > giveUp;
    if (lastly && !interruptsAgree(held)) return await disagreed(monitor, held);
    await nodes.resume();
    await signal.sleep(pause);
    pause = longer(pause);
  }
}

async function hold(monitor: LiveMonitor): Promise<void> {
  try {
    await monitor.nodes.hold();
  } catch (error) {
    if (!isDeadline(error)) throw error;
    await monitor.stuck('a CPU does not come to a point where it could be held');
    await monitor.signal.race(Promise.reject(error));
  }
}

/** Read until two readings in a row are the same and agree: then undefined; the last reading if that takes too long. */
async function agreedReading({ nodes, signal }: LiveMonitor): Promise<Reading | undefined> {
  const giveUp = performance.now() + HOLD_MS;
  let pause = FIRST_LOOK_MS;
  let before = '';
  for (let looks = 1; ; looks++) {
    const reading = readingOf(await nodes.report(false), 0);
    const now = interruptsOf(reading);
    if (now === before && interruptsAgree(reading)) return undefined;
    if (looks >= LEAST_LOOKS && performance.now() > giveUp) return reading;
    before = now;
    await signal.sleep(pause);
    pause = longer(pause);
  }
}

async function disagreed(monitor: LiveMonitor, reading: Reading): Promise<never> {
  monitor.judge({
    class: 'invariant-broken',
    id: 'SMP-10',
    object: 'call interrupts',
    steps: [],
    detail: `with no interrupt on its way, ${disagreement(reading)}`,
  });
  return await monitor.signal.race(new Promise<never>(() => {}));
}
