import { parentPort, workerData } from 'node:worker_threads';
import { Line, PAYLOAD_BYTES } from '../line.js';
import type { CallerOrder } from '../threads.js';

/** A thread that rings the first so many lines of a buffer, waits for all answers, and times that, over and over. */
const { buffer, lines: count } = workerData as { readonly buffer: SharedArrayBuffer; readonly lines: number };
const lines = Array.from({ length: count }, (_, index) => new Line(buffer, index));
const payload = new Uint8Array(PAYLOAD_BYTES).fill(7);

function measure({ lines: used, rounds, budgetMs }: CallerOrder): Float64Array {
  const rung = lines.slice(0, used);
  const samples = new Float64Array(rounds);
  const end = performance.now() + budgetMs;
  let round = 0;
  for (let now = performance.now(); round < rounds && now < end; round++) {
    const start = now;
    for (const line of rung) line.ring(payload);
    for (const line of rung) line.waitForAnswer();
    now = performance.now();
    samples[round] = (now - start) * 1e6;
  }
  return samples.slice(0, round);
}

parentPort?.on('message', (order: CallerOrder) => parentPort?.postMessage(measure(order)));
