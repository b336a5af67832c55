import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeCore, FakePort } from '../fixtures/fake-core.js';
import { after, type Coroutine, call, post, raise, request, requestAll, spin, wait, work } from './effects.js';
import type { Handler } from './handler.js';
import { Vector } from './vectors.js';
import { VerdictError } from './verdict.js';
import { cpuOfWaiter } from './waiters.js';

const handler = (name: string): Handler<unknown, unknown, number> => ({
  kind: 'handler',
  name,
  index: 0,
  run: () => 0,
  lock: null,
  atomic: false,
});

/** A handler that logs when it starts and ends, with `ns` of work between. */
const logging = (core: FakeCore, name: string, ns: number) =>
  function* logged(): Coroutine<void> {
    core.log.push(`${name} starts`);
    yield* work(ns);
    core.log.push(`${name} ends`);
  };

describe('Core: frames', () => {
  it('runs a task to its end, hands results up through call, and becomes quiet', () => {
    const core = new FakeCore();
    core.start('task', function* outer() {
      const doubled = yield* call(function* inner(n: number): Coroutine<number> {
        yield* work(5);
        return 2 * n;
      }, 21);
      core.log.push(String(doubled));
    });
    expect(core.quietNow).toBe(false);
    core.pass(5);
    expect(core.log).toEqual(['42', 'task done']);
    expect(core.quietNow).toBe(true);
    expect(core.current).toBeUndefined();
  });

  it('shows the kernel stack innermost first, with the handler that it waits for on top', () => {
    const core = new FakeCore();
    core.start('script', function* sysMkdir() {
      yield* call(function* cgroupMkdir(): Coroutine<void> {
        yield* request(0, handler('css.alloc'), null);
      });
    });
    const step = core.step();
    expect(step).toMatchObject({ cpu: 2, task: 'script', function: 'cgroupMkdir' });
    expect(step.stack).toEqual(['css.alloc', 'cgroupMkdir', 'sysMkdir']);
  });

  it('gives an error of kernel code to the machine and stays usable', () => {
    const core = new FakeCore();
    core.start('task', function* broken() {
      yield* work(1);
      throw new Error('broken patch');
    });
    core.pass(1);
    expect(core.machine.error).toEqual(new Error('broken patch'));
  });

  it('passes posts, doorbells and timers to the machine without giving up the CPU', () => {
    const core = new FakeCore();
    core.start('task', function* all() {
      yield* post(3, handler('mutex.unlock'), null);
      yield* raise([0, 1], Vector.callFunction);
      core.log.push(`timer ${yield* after(100, 'process_timeout', 7, true)}`);
    });
    expect(core.machine.posts.map((effect) => effect.home)).toEqual([3]);
    expect(core.machine.raised).toEqual([{ cpus: [0, 1], vector: Vector.callFunction }]);
    expect(core.machine.timers).toEqual([{ delay: 100, name: 'process_timeout', deferrable: true }]);
    expect(core.log).toEqual(['timer 1', 'task done']);
  });
});

describe('Core: requests', () => {
  it('continues with the answer, and with all answers in the order of the homes', () => {
    const core = new FakeCore();
    core.start('task', function* asks() {
      core.log.push(String(yield* request(1, handler('a'), null)));
      core.log.push(String(yield* requestAll([4, 0, 2], handler('b'), null)));
    });
    core.answer(11);
    core.answer(30, 1, 2);
    core.answer(10, 1, 0);
    expect(core.log).toEqual(['11']);
    core.answer(20, 1, 1);
    expect(core.log).toEqual(['11', '10,20,30', 'task done']);
  });

  it('serves interrupts while a request is outstanding, and not the answer before they are over', () => {
    const core = new FakeCore();
    core.handlers.set(Vector.callFunction, logging(core, 'irq', 10));
    core.start('task', function* asks() {
      core.log.push(String(yield* request(0, handler('a'), null)));
    });
    core.interruptWith(Vector.callFunction);
    core.answer(5);
    expect(core.log).toEqual(['irq starts']);
    core.pass(10);
    expect(core.log).toEqual(['irq starts', 'irq ends', '5', 'task done']);
  });

  it('does not switch tasks while a request is outstanding', () => {
    const core = new FakeCore();
    core.start('first', function* asks() {
      yield* request(0, handler('a'), null);
    });
    core.start('second', logging(core, 'second', 1));
    expect(core.log).toEqual([]);
    core.answer(0);
    expect(core.log).toEqual(['first done', 'second starts']);
  });
});

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

describe('Core: waiting', () => {
  it('belongs to the CPU that made it', () => {
    const core = new FakeCore();
    expect(cpuOfWaiter(core.newWaiter())).toBe(2);
    expect(core.newWaiter()).not.toBe(core.newWaiter());
  });

  it.each([
    ['wait', wait],
    ['spin', spin],
  ] as const)('%s goes on with the value, whether the completion comes before or after it', (_name, effect) => {
    for (const early of [true, false]) {
      const core = new FakeCore();
      const waiter = core.newWaiter();
      if (early) core.complete(waiter, 9);
      core.start('task', function* waits() {
        core.log.push(String(yield* effect(waiter)));
      });
      if (!early) core.complete(waiter, 9);
      expect(core.log).toEqual(['9', 'task done']);
    }
  });

  it('runs another task while one is blocked, and wakes that one once', () => {
    const core = new FakeCore();
    const waiter = core.newWaiter();
    core.start('sleeper', function* sleeper() {
      yield* wait(waiter);
    });
    expect(core.quietNow).toBe(true);
    core.start('other', logging(core, 'other', 1));
    expect(core.complete(waiter, 0)).toBe(true);
    expect(core.complete(waiter, 0)).toBe(false);
    core.pass(1);
    expect(core.log).toEqual(['other starts', 'other ends', 'other done', 'sleeper done']);
  });

  it('occupies the CPU while it spins, but serves interrupts', () => {
    const core = new FakeCore();
    const waiter = core.newWaiter();
    core.handlers.set(Vector.callFunction, logging(core, 'irq', 1));
    core.start('spinner', function* spinner() {
      yield* spin(waiter);
    });
    core.start('other', logging(core, 'other', 1));
    core.interruptWith(Vector.callFunction);
    core.pass(1);
    expect(core.log).toEqual(['irq starts', 'irq ends']);
    expect(core.complete(waiter, 0)).toBe(false);
    expect(core.log).toEqual(['irq starts', 'irq ends', 'spinner done', 'other starts']);
  });

  it('is complete once completed, once waited for, and once dropped', () => {
    const core = new FakeCore();
    const waiter = core.newWaiter();
    expect(core.isCompleted(waiter)).toBe(false);
    core.complete(waiter, 1);
    expect(core.isCompleted(waiter)).toBe(true);
    core.dropWaiter(waiter);
    expect(core.isCompleted(waiter)).toBe(true);
  });

  it('ignores a completion that comes after the waiter was dropped', () => {
    const core = new FakeCore();
    const waiter = core.newWaiter();
    core.dropWaiter(waiter);
    expect(core.complete(waiter, 1)).toBe(false);
  });

  it.each<[string, (core: FakeCore) => void]>([
    [
      'interrupts off',
      (core) => {
        core.irqsOff = true;
      },
    ],
    [
      'preemption off',
      (core) => {
        core.preemptCount++;
      },
    ],
  ])('ends blocking with %s in a verdict', (_name, enter) => {
    const core = new FakeCore();
    core.start('task', function* atomic() {
      enter(core);
      yield* wait(core.newWaiter());
    });
    expect(core.machine.error).toBeInstanceOf(VerdictError);
  });

  it('ends blocking in an interrupt handler in a verdict', () => {
    const core = new FakeCore();
    core.handlers.set(Vector.reschedule, function* sleepy(): Coroutine<void> {
      yield* wait(core.newWaiter());
    });
    core.interruptWith(Vector.reschedule);
    expect(core.machine.error).toBeInstanceOf(VerdictError);
  });

  it('lets an interrupt handler spin', () => {
    const core = new FakeCore();
    const waiter = core.newWaiter();
    core.handlers.set(Vector.reschedule, function* spinning(): Coroutine<void> {
      yield* spin(waiter);
      core.log.push('acquired');
    });
    core.interruptWith(Vector.reschedule);
    core.complete(waiter, 0);
    expect(core.log).toEqual(['acquired']);
  });
});

describe('Core: time', () => {
  it('adds small work up and takes machine time for the sum only', () => {
    const core = new FakeCore(new FakePort(), 100);
    core.start('task', function* small() {
      for (let n = 0; n < 5; n++) yield* work(30);
      core.log.push(`at ${core.now()}`);
    });
    expect(core.machine.works).toEqual([120]);
    core.pass(120);
    expect(core.log[0]).toBe('at 150');
  });

  it('makes a task that arrives on a CPU which is still behind wait for the work that the CPU owes', () => {
    const core = new FakeCore(new FakePort(), 1000);
    core.start('first', function* first() {
      yield* work(300);
    });
    core.machine.clock = 100;
    core.start('second', function* second() {
      core.log.push(`second at ${core.now()}`);
      yield* work(0);
    });
    expect(core.log).toEqual(['first done', 'second at 300', 'second done']);
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
    for (const effect of [work(10), request(0, handler('a'), null)]) {
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
