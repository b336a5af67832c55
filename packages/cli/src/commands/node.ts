import { buildCommand } from '@stricli/core';
import { filled } from '../flags.js';
import { neededServerFlag, serverOf } from '../server-flag.js';
import { type CommandThis, ExitStatus } from '../types.js';
import { UsageError } from '../usage-error.js';

interface NodeFlags {
  readonly nats?: string;
  readonly name?: string;
}

/** One token of a subject. */
function nodeName(text: string): string {
  const name = filled(text);
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new UsageError('not a name; give up to 64 letters, digits, - and _');
  }
  return name;
}

const DESCRIPTION = `Offers this computer as a NUMA node to runs that use the same NATS server (kmemlab run --nats URL), one run at a
time, until it is interrupted. Start one per node, on one host or many. Runs bring the patches they use as code: offer a
node only on a server whose users you trust.

Exit status: 0 stopped, 2 wrong usage or no such server, 3 it failed, 130 interrupted.

EXAMPLES
  kmemlab node --nats nats://127.0.0.1:4222
  KMEMLAB_NATS_TOKEN=... kmemlab node --nats nats://lab.example:4222 --name rack1-a`;

export const nodeCommand = buildCommand<NodeFlags, [], CommandThis>({
  async func({ nats: named, name }) {
    const { cli } = this;
    const host = await cli.loadHost();
    const onRegistered = (line: string) => cli.stdout.write(`${line}\n`);
    const { env, signal } = cli;
    const nats = serverOf(named, env);
    await host.serveNode({ nats, env, signal, onRegistered, ...(name !== undefined && { name }) });
    if (cli.signal.aborted) this.status = ExitStatus.interrupted;
  },
  parameters: {
    flags: {
      nats: neededServerFlag('The NATS server to register at'),
      name: {
        kind: 'parsed',
        parse: nodeName,
        optional: true,
        placeholder: 'NAME',
        brief: 'What the node is called (default: host name and process id)',
      },
    },
  },
  docs: { brief: 'Offer this computer as a node to other runs', fullDescription: DESCRIPTION },
});
