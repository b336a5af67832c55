import { describe, expect, it } from 'vitest';
import { FakeCore, logging } from '../fixtures/fake-core.js';
import { type Coroutine, spin, wait, work } from './effects.js';
import { Vector } from './vectors.js';
import { VerdictError } from './verdict.js';
import { cpuOfWaiter } from './waiters.js';

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

describe('Core: the one waiter on which it spins', () => {
  const spinning = (core: FakeCore, waiter: number): void => {
    core.start('spinner', function* spins(): Coroutine<void> {
      yield* spin(waiter);
    });
  };

  it('is told while nothing else that is completed could matter', () => {
    const core = new FakeCore();
    const [first, second] = [core.newWaiter(), core.newWaiter()];
    expect(core.spinsOnlyOn).toBe(0);
    spinning(core, first);
    expect(core.spinsOnlyOn).toBe(first);
    core.complete(second, 0);
    expect(core.spinsOnlyOn).toBe(first);
    core.complete(first, 0);
    expect(core.spinsOnlyOn).toBe(0);
  });

  it('is that of the innermost context, and none while that does something else', () => {
    const core = new FakeCore();
    const [outer, inner] = [core.newWaiter(), core.newWaiter()];
    core.handlers.set(Vector.callFunction, function* handles(): Coroutine<void> {
      yield* spin(inner);
      yield* work(100);
    });
    spinning(core, outer);
    core.interruptWith(Vector.callFunction);
    expect(core.spinsOnlyOn).toBe(inner);
    core.complete(inner, 0);
    expect(core.spinsOnlyOn).toBe(0);
    core.pass(100);
    expect(core.spinsOnlyOn).toBe(outer);
  });

  it('is not told while a task is blocked: its waiter may be the next to be completed', () => {
    const core = new FakeCore();
    const [blocked, spun] = [core.newWaiter(), core.newWaiter()];
    core.start('blocked', function* blocks(): Coroutine<void> {
      yield* wait(blocked);
    });
    spinning(core, spun);
    expect(core.spinsOnlyOn).toBe(0);
    core.complete(blocked, 0);
    expect(core.spinsOnlyOn).toBe(spun);
  });
});
