import { Socket } from 'node:net';
import { isMainThread, Worker } from 'node:worker_threads';

/**
 * A thread that does nothing but wait for the end of stdin, the sign that whoever started this process is gone, and then
 * ends the process, even if its main thread is in an endless loop.
 */
export function startSentinel(): void {
  const sentinel = new Worker(new URL(import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: 8 } });
  sentinel.unref();
}

function standGuard(): void {
  const end = () => process.kill(process.pid, 'SIGKILL');
  const stdin = new Socket({ fd: 0, readable: true, writable: false });
  stdin.on('error', end).on('end', end).on('close', end).resume();
}

if (!isMainThread) standGuard();
