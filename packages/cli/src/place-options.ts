import type { PlaceOptions } from '@kmemlab/experiments';
import type { MachineFlags } from './flags.js';
import type { Job } from './plan.js';
import { UsageError } from './usage-error.js';

const FLAGS = { nats: '--nats', pin: '--pin', brokerPort: '--broker-port', deadlineMs: '--deadline' } as const;

/** The flags of the live machine. Throws {@link UsageError} if one is given and a job runs on the deterministic one. */
export function placeOptions(flags: MachineFlags, jobs: readonly Job[]): PlaceOptions {
  const { nats, pin, brokerPort, deadline } = flags;
  const options: PlaceOptions = {
    ...(nats !== undefined && { nats }),
    ...(pin && { pin }),
    ...(brokerPort !== undefined && { brokerPort }),
    ...(deadline !== undefined && { deadlineMs: deadline * 1000 }),
  };
  const first = (Object.keys(FLAGS) as (keyof PlaceOptions)[]).find((name) => options[name] !== undefined);
  if (first !== undefined && jobs.some(({ scenario }) => scenario.engine === 'sim')) {
    throw new UsageError(`${FLAGS[first]}: only for the live machine; give --engine live or leave ${FLAGS[first]} out`);
  }
  if (nats !== undefined && brokerPort !== undefined) {
    throw new UsageError('--broker-port: no broker is started with --nats; give one of the two');
  }
  return options;
}
