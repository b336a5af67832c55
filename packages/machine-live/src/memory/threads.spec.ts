import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Vector } from '@kmemlab/machine';
import { expect, onTestFinished, test } from 'vitest';
import { Message } from '../message.js';
import { Inbox } from './inbox.js';
import { Switchboard } from './switchboard.js';

const COUNT = 20_000;
const ROUNDS = 10_000;
const fixture = (name: string) => new URL(`../../fixtures/${name}.mjs`, import.meta.url);

test('three threads write to one inbox: nothing is lost, torn or out of order, and no wake-up is missed', async () => {
  const inbox = Inbox.create(1 << 10);
  const board = Switchboard.create(1);
  const writers = [1, 2, 3].map(
    (own) =>
      new Worker(fixture('inbox-writer'), {
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

test('a thread that waits for the completions of four others, one by one, misses no wake-up', async () => {
  const threads = 5;
  const inbox = Inbox.create(1 << 10);
  const board = Switchboard.create(threads);
  const workers = Array.from({ length: threads }, (_, own) => {
    const workerData = { own, threads, rounds: ROUNDS, inbox: inbox.buffer, board: board.buffer };
    return new Worker(fixture('caller'), { workerData });
  });
  onTestFinished(() => void workers.map((worker) => worker.terminate()));
  const left = await Promise.all(workers.map((worker) => once(worker, 'message').then(([count]) => count)));
  expect(left).toEqual(workers.map(() => 0));
  expect(inbox.isEmpty).toBe(true);
});

test('a thread that sleeps for one completion is not woken for another, and is for its own and for anything else', () => {
  const waiter = 5 * 2 ** 40 + 7;
  const isWokenBy = (ring: (board: Switchboard) => void, sleepsFor = waiter): boolean => {
    const board = Switchboard.create(1);
    const sleep = board.sleepAsync(0, board.rings(0), sleepsFor);
    expect(sleep).not.toBeNull();
    ring(board);
    // Whom this notification finds was not woken before.
    const left = Atomics.notify(new Int32Array(board.buffer), 0);
    expect(board.sleepAsync(0, 0), 'it has been told, so that nobody who is about to sleep does').toBeNull();
    return left === 0;
  };
  expect(isWokenBy((board) => board.ringFor(0, waiter + 4096))).toBe(false);
  expect(isWokenBy((board) => board.ringFor(0, waiter))).toBe(true);
  expect(isWokenBy((board) => board.ringFor(0, waiter + 4096), 0)).toBe(true);
  expect(isWokenBy((board) => board.ring(0))).toBe(true);
  expect(isWokenBy((board) => board.raise(0, Vector.callFunction))).toBe(true);
  expect(isWokenBy((board) => board.announceCall(0))).toBe(true);
});
