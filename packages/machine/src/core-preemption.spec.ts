import { describe, expect, it } from 'vitest';
import { FakeCore, logging, namedHandler } from '../fixtures/fake-core.js';
import { type Coroutine, request, Vector, work } from './index.js';

/** A core with another task runnable and an interrupt that asks for the scheduler. */
function coreWithTwo(): FakeCore {
  const core = new FakeCore();
  core.handlers.set(Vector.reschedule, function* resched(): Coroutine<void> {
    core.needResched = true;
    yield* work(10);
  });
  return core;
}

/** Make a second task runnable beside the one that is on the CPU. */
function alsoRuns(core: FakeCore): void {
  core.start('other', logging(core, 'other', 20));
}

describe('preemption', () => {
  it('takes the CPU from a task at the exit of the interrupt, and gives it back with the work that was left', () => {
    const core = coreWithTwo();
    core.start('task', logging(core, 'task', 100));
    core.pass(30);
    alsoRuns(core);
    core.interruptWith(Vector.reschedule);
    core.pass(10);
    expect(core.log).toEqual(['task starts', 'task off', 'other starts']);
    core.pass(20);
    expect(core.machine.works).toEqual([100, 10, 20, 70]);
    core.pass(70);
    expect(core.log.slice(3)).toEqual(['other ends', 'other done', 'task ends', 'task done']);
  });

  it.each(['preemptCount', 'irqsOff'] as const)('waits until a task may be preempted again: %s', (what) => {
    const core = coreWithTwo();
    const set = (on: boolean) => {
      if (what === 'irqsOff') core.irqsOff = on;
      else core.preemptCount = Number(on);
    };
    core.start('task', function* task(): Coroutine<void> {
      set(true);
      yield* work(100);
      set(false);
      core.log.push('may be preempted');
      yield* work(50);
    });
    alsoRuns(core);
    core.interruptWith(Vector.reschedule);
    core.pass(110);
    expect(core.log.slice(0, 3)).toEqual(['may be preempted', 'task off', 'other starts']);
  });

  it('never takes a task off whose request is outstanding, but as soon as that is answered', () => {
    const core = coreWithTwo();
    core.start('task', function* task(): Coroutine<void> {
      yield* request(0, namedHandler('h'), null);
      core.log.push('answered');
    });
    alsoRuns(core);
    core.interruptWith(Vector.reschedule);
    core.pass(10);
    expect(core.log).toEqual([]);
    core.answer(1);
    expect(core.log).toEqual(['task off', 'other starts']);
    core.pass(20);
    expect(core.log.slice(2)).toEqual(['other ends', 'other done', 'answered', 'task done']);
  });

  it('leaves the task where it is if nobody else is runnable', () => {
    const core = coreWithTwo();
    core.start('task', logging(core, 'task', 100));
    core.interruptWith(Vector.reschedule);
    core.pass(110);
    expect(core.log).toEqual(['task starts', 'task ends', 'task done']);
  });
});
