import type { Registration } from '@kmemlab/coordinator';
import { formatBytes, table, toJson } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { filled, natsUrl } from '../flags.js';
import { textOptions } from '../terminal.js';
import { type CliContext, type CommandThis, ExitStatus } from '../types.js';

interface NodesFlags {
  readonly nats: string;
  readonly name?: string;
  readonly json: boolean;
}

const DESCRIPTION = `Lists the nodes that "kmemlab node" offers on a NATS server: those that answer within 300 ms.

With --name it asks for one of them, which is how a container or a script can tell whether its node is up.

Exit status: 0 there are some, 2 wrong usage or no such server, 3 there is none (of that name).

EXAMPLES
  kmemlab nodes --nats nats://127.0.0.1:4222
  kmemlab nodes --nats nats://lab.example:4222 --name rack1-a
  kmemlab nodes --nats nats://lab.example:4222 --json`;

function render(nodes: readonly Registration[], cli: CliContext): string {
  const rows = nodes.map(({ name, host, cores, memory, busy }) => ({
    cells: [name, host, String(cores), formatBytes(memory), busy ? 'works for a run' : 'free'],
  }));
  const columns = [
    { title: 'node', align: 'left' },
    { title: 'host', align: 'left' },
    { title: 'cores', align: 'right' },
    { title: 'free memory', align: 'right' },
    { title: 'state', align: 'left' },
  ] as const;
  return `${table(textOptions(cli), columns, rows, 0).join('\n')}\n`;
}

export const nodesCommand = buildCommand<NodesFlags, [], CommandThis>({
  async func({ nats, name, json }) {
    const { cli } = this;
    const host = await cli.loadHost();
    const all = await host.registeredNodes({ nats, env: cli.env });
    const nodes = all.filter((node) => name === undefined || node.name === name);
    if (json) cli.stdout.write(toJson({ schema: 'kmemlab.nodes/1', nodes }));
    else if (nodes.length > 0) cli.stdout.write(render(nodes, cli));
    if (nodes.length > 0) return;
    const which = name === undefined ? 'no node is registered' : `no node called ${name} is registered`;
    cli.stderr.write(`kmemlab: ${which} there; start one with "kmemlab node --nats URL"\n`);
    this.status = ExitStatus.failed;
  },
  parameters: {
    flags: {
      nats: { kind: 'parsed', parse: natsUrl, placeholder: 'URL', brief: 'The NATS server to ask' },
      name: { kind: 'parsed', parse: filled, optional: true, placeholder: 'N', brief: 'Only the node of this name' },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print a kmemlab.nodes/1 document' },
    },
  },
  docs: { brief: 'List the nodes that are offered on a server', fullDescription: DESCRIPTION },
});
