import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { Message } from '../message.js';
import { Inbox } from './inbox.js';
import { Switchboard } from './switchboard.js';

const COUNT = 20_000;

test('three threads write to one inbox: nothing is lost, torn or out of order, and no wake-up is missed', async () => {
  const inbox = Inbox.create(1 << 10);
  const board = Switchboard.create(1);
  const writers = [1, 2, 3].map(
    (own) =>
      new Worker(new URL('../../fixtures/inbox-writer.mjs', import.meta.url), {
        workerData: { own, count: COUNT, inbox: inbox.buffer, board: board.buffer },
      }),
  );
  const gone = writers.map((writer) => once(writer, 'exit'));
  const next = [0, 0, 0, 0];
  const message = new Message();
  for (let received = 0; received < 3 * COUNT; ) {
    const seen = board.rings(0);
    while (inbox.pull(message)) {
      const { cpu, a, body } = message;
      if (a !== next[cpu]) expect(a).toBe(next[cpu]);
      next[cpu] = a + 1;
      const whole = body === null ? a % 3 === 0 : body.length === a % 50 && body.every((byte) => byte === cpu);
      if (!whole) expect(body, `message ${a} of writer ${cpu}`).toBe('whole');
      received++;
    }
    if (received === 3 * COUNT) break;
    const ring = board.sleepAsync(0, seen);
    if (ring === null) continue;
    await ring;
    board.awake(0);
  }
  await Promise.all(gone);
  expect(inbox.isEmpty).toBe(true);
});
