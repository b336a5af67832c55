import { expect, it } from 'vitest';
import { Line, PAYLOAD_BYTES } from './line.js';
import { linesBuffer } from './threads.js';

const bytes = (value: number) => new Uint8Array(PAYLOAD_BYTES).fill(value);

it('carries 64 bytes there, and the answer ends the wait', async () => {
  const line = new Line(linesBuffer(1));
  const answered = line.answered();
  line.ring(bytes(3));
  await line.rung(0);
  const seen = bytes(0);
  line.answer(seen);
  expect(seen).toEqual(bytes(3));
  await answered;
  line.waitForAnswer();
});

it('wakes a main thread that waits for the ring, and one that waits for the answer', async () => {
  const line = new Line(linesBuffer(1));
  const rung = line.rung(0);
  line.ring(bytes(1));
  await rung;
  const answered = line.answered();
  line.answer(bytes(0));
  await answered;
});

it('keeps lines apart', () => {
  const buffer = linesBuffer(3);
  const lines = [0, 1, 2].map((index) => new Line(buffer, index));
  lines[1]?.ring(bytes(9));
  expect(lines.map((line) => line.rings)).toEqual([0, 1, 0]);
  expect(lines.map((line) => line.read(bytes(0))[63])).toEqual([0, 9, 0]);
});
