import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeCore, logging, namedHandler } from '../fixtures/fake-core.js';
import { type Coroutine, request, work } from './effects.js';
import { Vector } from './vectors.js';

describe('Core: interrupts', () => {
  it('cuts work short and resumes it with exactly what was left', () => {
    const core = new FakeCore();
    core.handlers.set(Vector.localTimer, logging(core, 'tick', 30));
    core.start('task', logging(core, 'task', 100));
    core.pass(40);
    core.interruptWith(Vector.localTimer);
    core.pass(30);
    expect(core.machine.works).toEqual([100, 30, 60]);
    core.pass(59);
    expect(core.log).toEqual(['task starts', 'tick starts', 'tick ends']);
    core.pass(1);
    expect(core.log).toEqual(['task starts', 'tick starts', 'tick ends', 'task ends', 'task done']);
  });

  it('spends the time of the work once, however often interrupts cut it short', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 12 }), (gaps) => {
        const core = new FakeCore();
        let inHandlers = 0;
        core.handlers.set(Vector.reschedule, function* irq(): Coroutine<void> {
          inHandlers += 7;
          yield* work(7);
        });
        core.start('task', logging(core, 'task', 1000));
        for (const gap of gaps) {
          core.pass(gap);
          if (core.quietNow) break;
          core.interruptWith(Vector.reschedule);
        }
        while (!core.quietNow) core.pass(1);
        expect(core.machine.clock).toBeGreaterThanOrEqual(1000 + inHandlers);
        expect(core.machine.works.filter((ns) => ns === 7).length * 7).toBe(inHandlers);
        const ends = core.log.indexOf('task ends');
        expect(ends).toBe(1);
        const resumed = core.machine.works.filter((ns) => ns !== 7);
        expect(resumed[0]).toBe(1000);
        expect([...resumed].sort((a, b) => b - a)).toEqual(resumed);
      }),
      { seed: 6 },
    );
  });

  it('runs the handler with interrupts off, so a second vector waits until the first handler ends', () => {
    const core = new FakeCore();
    core.handlers.set(Vector.callFunction, logging(core, 'call', 10));
    core.handlers.set(Vector.reschedule, logging(core, 'reschedule', 10));
    core.interruptWith(Vector.reschedule);
    expect(core.irqsOff).toBe(true);
    core.interruptWith(Vector.callFunction);
    expect(core.log).toEqual(['reschedule starts']);
    core.pass(20);
    expect(core.log).toEqual(['reschedule starts', 'reschedule ends', 'call starts', 'call ends']);
    expect(core.irqsOff).toBe(false);
  });

  it('takes the lower vector first when several are pending', () => {
    const core = new FakeCore();
    core.irqsOff = true;
    for (const [name, vector] of Object.entries(Vector)) {
      core.handlers.set(vector, logging(core, name, 1));
      core.interruptWith(vector);
    }
    core.irqsOff = false;
    core.run();
    core.pass(10);
    const order = core.log.filter((line) => line.endsWith('starts')).map((line) => line.split(' ')[0]);
    expect(order).toEqual(['callFunction', 'callFunctionSingle', 'reschedule', 'localTimer']);
  });

  it('merges a vector into one that is pending, and says so', () => {
    const core = new FakeCore();
    core.irqsOff = true;
    expect(core.deliverInterrupt(Vector.callFunction)).toBe(true);
    expect(core.deliverInterrupt(Vector.callFunction)).toBe(false);
    expect(core.deliverInterrupt(Vector.callFunctionSingle)).toBe(true);
    expect(core.callFunctionPending).toBe(2);
    core.irqsOff = false;
    core.run();
    expect(core.callFunctionPending).toBe(0);
  });

  it('lets an interrupt wait while the task has interrupts off, and tells when it was raised', () => {
    const core = new FakeCore();
    core.handlers.set(Vector.callFunction, function* irq(): Coroutine<void> {
      core.log.push(`irq at ${core.now()}, raised at ${core.raisedTime(Vector.callFunction)}`);
      yield* work(0);
    });
    core.start('task', function* section() {
      core.irqsOff = true;
      yield* work(100);
      core.irqsOff = false;
      yield* work(50);
    });
    core.pass(30);
    core.interruptWith(Vector.callFunction);
    expect(core.log).toEqual([]);
    core.pass(70);
    expect(core.log).toEqual(['irq at 100, raised at 30']);
  });

  it('restores the interrupt flag of the code below when a handler ends', () => {
    const core = new FakeCore();
    core.start('task', function* section() {
      yield* work(10);
      core.log.push(`off ${core.irqsOff}`);
    });
    core.interruptWith(Vector.reschedule);
    core.pass(10);
    expect(core.log).toEqual(['off false', 'task done']);
  });

  it('runs a softirq at the end of the outermost interrupt only, with interrupts on', () => {
    const core = new FakeCore();
    core.handlers.set(Vector.localTimer, logging(core, 'tick', 1));
    core.start('task', logging(core, 'task', 100));
    core.softirqs = [logging(core, 'softirq', 20)];
    core.interruptWith(Vector.localTimer);
    core.pass(1);
    expect(core.log).toEqual(['task starts', 'tick starts', 'tick ends', 'softirq starts']);
    expect(core.irqsOff).toBe(false);
    expect(core.inInterrupt).toBe(true);
    core.softirqs = [logging(core, 'nested', 1)];
    core.interruptWith(Vector.localTimer);
    core.pass(20);
    expect(core.log.slice(4)).toEqual(['tick starts', 'tick ends']);
    core.pass(1);
    expect(core.log.at(-1)).toBe('softirq ends');
  });

  it('runs a pending softirq before the next task', () => {
    const core = new FakeCore();
    core.softirqs = [logging(core, 'softirq', 1)];
    core.start('task', logging(core, 'task', 1));
    core.pass(2);
    expect(core.log).toEqual(['softirq starts', 'softirq ends', 'task starts', 'task ends', 'task done']);
  });
});

describe('Core: irqRegion', () => {
  it('is odd exactly while interrupts are off, and changes with every change of the flag only', () => {
    const core = new FakeCore();
    const seen = [core.irqRegion];
    for (const off of [true, true, false, false, true]) {
      core.irqsOff = off;
      seen.push(core.irqRegion);
    }
    expect(seen).toEqual([0, 1, 1, 2, 2, 3]);
  });

  it('differs between two sections even if both readings are odd', () => {
    const core = new FakeCore();
    core.irqsOff = true;
    const first = core.irqRegion;
    core.irqsOff = false;
    core.interruptWith(Vector.reschedule);
    core.irqsOff = true;
    expect(core.irqRegion).not.toBe(first);
    expect(core.irqRegion % 2).toBe(1);
  });
});

describe('Core: held', () => {
  const held = (core = new FakeCore()): FakeCore => {
    core.held = true;
    return core;
  };

  const release = (core: FakeCore): void => {
    core.held = false;
    core.run();
  };

  it('starts no task and no softirq until it is released', () => {
    const core = held();
    core.softirqs = [logging(core, 'softirq', 1)];
    core.start('task', logging(core, 'task', 1));
    expect([core.log, core.standsStill]).toEqual([[], true]);
    release(core);
    core.pass(2);
    expect(core.log).toEqual(['softirq starts', 'softirq ends', 'task starts', 'task ends', 'task done']);
  });

  it('does not resume a task whose work or request is done', () => {
    for (const effect of [work(10), request(0, namedHandler('a'), null)]) {
      const core = new FakeCore();
      core.start('task', function* task() {
        yield* effect;
        core.log.push('went on');
      });
      core.held = true;
      core.pass(10);
      if (core.machine.requests.length > 0) core.answer(1);
      expect([core.log, core.standsStill]).toEqual([[], true]);
      release(core);
      expect(core.log).toEqual(['went on', 'task done']);
    }
  });

  it('takes interrupts and finishes them and the softirq that follows', () => {
    const core = new FakeCore();
    core.handlers.set(Vector.callFunction, logging(core, 'irq', 10));
    core.start('task', logging(core, 'task', 100));
    core.held = true;
    core.softirqs = [logging(core, 'softirq', 5)];
    core.interruptWith(Vector.callFunction);
    expect(core.standsStill).toBe(false);
    core.pass(15);
    expect(core.log).toEqual(['task starts', 'irq starts', 'irq ends', 'softirq starts', 'softirq ends']);
    expect(core.standsStill).toBe(true);
    core.pass(100);
    expect(core.log).toHaveLength(5);
    release(core);
    expect(core.log.slice(5)).toEqual(['task ends', 'task done']);
  });

  it('lets a task run on that has interrupts off, until it turns them on', () => {
    const core = new FakeCore();
    core.handlers.set(Vector.reschedule, logging(core, 'irq', 0));
    core.start('task', function* section() {
      core.irqsOff = true;
      yield* work(10);
      core.log.push('inside');
      yield* work(10);
      core.irqsOff = false;
      core.log.push('turned on');
      yield* work(10);
      core.log.push('after');
    });
    core.held = true;
    core.interruptWith(Vector.reschedule);
    core.pass(10);
    expect([core.log, core.standsStill]).toEqual([['inside'], false]);
    core.pass(40);
    expect(core.log).toEqual(['inside', 'turned on', 'irq starts', 'irq ends']);
    expect(core.standsStill).toBe(true);
    release(core);
    expect(core.log.slice(4)).toEqual(['after', 'task done']);
  });

  it('does not stand still while an interrupt could be taken', () => {
    const core = held();
    core.deliverInterrupt(Vector.callFunction);
    expect(core.standsStill).toBe(false);
    core.run();
    expect(core.standsStill).toBe(true);
  });
});
