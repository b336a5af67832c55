import { type Environment, InputProblem } from '@kmemlab/coordinator';

/** What the program is told by its environment. */
export interface Settings {
  /** The NATS server's URL, as it was given. */
  readonly nats: string;
  /** Where run directories are made. */
  readonly runs: string;
}

/** @throws InputProblem if KMEMLAB_NATS_URL is not set */
export function settingsFrom({ KMEMLAB_NATS_URL: nats, KMEMLAB_RUNS: runs }: Environment): Settings {
  if (!nats) throw new InputProblem('KMEMLAB_NATS_URL is not set; give the URL of the NATS server, nats://HOST:PORT');
  return { nats, runs: runs || 'runs' };
}
