import { natsUrl } from './flags.js';
import { UsageError } from './usage-error.js';

const about = (brief: string) =>
  ({ kind: 'parsed', parse: natsUrl, optional: true, placeholder: 'URL', brief }) as const;

/** `--nats` of the commands that look at this computer. */
export const serverFlag = about('A NATS server of your own');

/** `--nats` of the commands that need a server. @param what they do there, as a help text */
export const neededServerFlag = (what: string) => about(`${what} (else KMEMLAB_NATS_URL)`);

/** The server that such a command was given. @throws UsageError if there is none */
export function serverOf(named: string | undefined, env: NodeJS.ProcessEnv): string {
  const server = named ?? env.KMEMLAB_NATS_URL;
  if (server === undefined || server === '')
    throw new UsageError('no NATS server is named; give --nats URL, or set KMEMLAB_NATS_URL');
  return server;
}
