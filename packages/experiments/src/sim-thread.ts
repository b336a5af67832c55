import { type MessagePort, parentPort } from 'node:worker_threads';
import { oneLine } from '@kmemlab/results';
import { InputError } from './api.js';
import type { Order, Said } from './on-sim-thread.js';
import { checkDeterminism, runSim } from './run-sim.js';

// What a patch prints is for people: documents go to stdout.
Object.assign(console, { log: console.error, info: console.error, debug: console.error });

const port = parentPort as MessagePort;
const say = (said: Said): void => port.postMessage(said);

let interruption = new AbortController();
port.on('message', (said: Order | 'interrupt') => {
  if (said === 'interrupt') interruption.abort();
  else obey(said);
});

async function obey({ scenario, twice }: Order): Promise<void> {
  interruption = new AbortController();
  try {
    const result = await (twice ? checkDeterminism : runSim)(scenario, {
      signal: interruption.signal,
      onProgress: (progress) => say({ progress }),
      onPartial: (partial) => say({ partial }),
    });
    say({ result });
  } catch (error) {
    say(error instanceof InputError ? { refused: error.message } : { failed: oneLine(error) });
  }
}
