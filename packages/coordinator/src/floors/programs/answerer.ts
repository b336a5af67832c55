import { workerData } from 'node:worker_threads';
import { Line, PAYLOAD_BYTES } from '../line.js';

/** A thread that answers each ring of its line, asleep in between, until it is terminated. */
const { buffer, index } = workerData as { readonly buffer: SharedArrayBuffer; readonly index: number };
const line = new Line(buffer, index);
const payload = new Uint8Array(PAYLOAD_BYTES);

for (let rings = 0; ; rings++) {
  line.waitForRing(rings);
  line.answer(payload);
}
