import { InputError } from '../api.js';

/** For the nodes to be up: by itself, and for each CPU of the machine; ms. */
const BASE_MS = 60_000;
const CPU_MS = 500;

/**
 * Host time that the nodes of a run have to say hello, and again to get ready, ms: a minute and half a second per CPU,
 * or what KMEMLAB_START_DEADLINE says in seconds.
 * @throws InputError if that is no time
 */
export function startDeadlineMs(env: Readonly<Record<string, string | undefined>>, cpus: number): number {
  const text = env.KMEMLAB_START_DEADLINE;
  if (!text) return BASE_MS + CPU_MS * cpus;
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds < 1 || seconds > 3600)
    throw new InputError(`KMEMLAB_START_DEADLINE=${text}: no time in seconds; give 1 to 3600, or unset it`);
  return seconds * 1000;
}
