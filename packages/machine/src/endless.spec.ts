import { expect, it } from 'vitest';
import { FakeCore } from '../fixtures/fake-core.js';
import { work } from './effects.js';
import { VerdictError } from './verdict.js';

it('kernel code that goes on for ever without using time is a livelock', () => {
  const core = new FakeCore(undefined, 400);
  core.start('task', function* spinForEver() {
    for (;;) yield* work(0);
  });
  const { error } = core.machine;
  expect(error).toBeInstanceOf(VerdictError);
  expect((error as VerdictError).verdict).toMatchObject({
    class: 'livelock',
    owner: 'task on CPU2',
    steps: [{ task: 'task', function: 'spinForEver' }],
  });
});
