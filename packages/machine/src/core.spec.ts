import { describe, expect, it } from 'vitest';
import { FakeCore, FakePort, logging, namedHandler } from '../fixtures/fake-core.js';
import { after, type Coroutine, call, post, raise, request, requestAll, work } from './effects.js';
import { Vector } from './vectors.js';

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
        yield* request(0, namedHandler('css.alloc'), null);
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
      yield* post(3, namedHandler('mutex.unlock'), null);
      yield* raise([0, 1], Vector.callFunction);
      core.log.push(`timer ${yield* after(100, 'process_timeout', 7, true)}`);
    });
    expect(core.machine.posts.map((effect) => effect.homes)).toEqual([3]);
    expect(core.machine.raised).toEqual([{ cpus: [0, 1], vector: Vector.callFunction }]);
    expect(core.machine.timers).toEqual([{ delay: 100, name: 'process_timeout', deferrable: true }]);
    expect(core.log).toEqual(['timer 1', 'task done']);
  });
});

describe('Core: requests', () => {
  it('continues with the answer, and with all answers in the order of the homes', () => {
    const core = new FakeCore();
    core.start('task', function* asks() {
      core.log.push(String(yield* request(1, namedHandler('a'), null)));
      core.log.push(String(yield* requestAll([4, 0, 2], namedHandler('b'), null)));
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
      core.log.push(String(yield* request(0, namedHandler('a'), null)));
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
      yield* request(0, namedHandler('a'), null);
    });
    core.start('second', logging(core, 'second', 1));
    expect(core.log).toEqual([]);
    core.answer(0);
    expect(core.log).toEqual(['first done', 'second starts']);
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
