import { natsUrl } from './flags.js';

/** `--nats` of the commands that look at this computer. */
export const serverFlag = {
  kind: 'parsed',
  parse: natsUrl,
  optional: true,
  placeholder: 'URL',
  brief: 'A NATS server of your own',
} as const;
