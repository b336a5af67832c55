import type { RunResult } from '@kmemlab/results';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Outbox } from './outbox.js';

const MAX_PAYLOAD = 1000;
let now: number;
let sent: [subject: string, document: unknown][];
let outbox: Outbox;

const progress = (done: number) =>
  ({ state: 'running', phase: 'create', done, total: 9, modelNs: 0, events: 0 }) as const;
const resultOf = (experiment: string) => ({ experiment, outcome: 'ok' }) as RunResult;

afterEach(() => vi.useRealTimers());
beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  sent = [];
  const publish = (subject: string, data: Uint8Array) => {
    sent.push([subject, JSON.parse(new TextDecoder().decode(data))]);
  };
  outbox = new Outbox({ publish, maxPayload: MAX_PAYLOAD }, 'a-1', () => now);
});

test('publishes progress four times a second', () => {
  for (now = 0; now < 1000; now++) outbox.progress(progress(now));
  expect(sent).toEqual([0, 250, 500, 750].map((done) => ['kmemlab.runs.a-1.progress', progress(done)]));
});

test('repeats itself every five seconds until it has answered', () => {
  outbox.progress(progress(1));
  vi.advanceTimersByTime(11_000);
  expect(sent).toEqual(Array(3).fill(['kmemlab.runs.a-1.progress', progress(1)]));
  outbox.refused('no');
  vi.advanceTimersByTime(60_000);
  expect(sent).toHaveLength(4);
});

test('publishes one answer, and nothing after it', () => {
  outbox.result(resultOf('avoid-ipis'), 'runs/r');
  outbox.refused('too late');
  outbox.progress(progress(1));
  expect(sent).toEqual([['kmemlab.runs.a-1.result', resultOf('avoid-ipis')]]);
});

test('says where a result is that the server does not take', () => {
  outbox.result(resultOf('x'.repeat(MAX_PAYLOAD)), 'runs/r');
  const reason = expect.stringMatching(/^the run ended \(ok\), .* 10\d\d bytes and the server takes 1000; .* runs\/r$/);
  expect(sent).toEqual([['kmemlab.runs.a-1.refused', { reason }]]);
});
