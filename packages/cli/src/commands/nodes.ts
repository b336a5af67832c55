import type { Presence, Registration } from '@kmemlab/coordinator';
import { formatBytes, table, toJson } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { filled } from '../flags.js';
import { neededServerFlag, serverOf } from '../server-flag.js';
import { textOptions } from '../terminal.js';
import { type CliContext, type CommandThis, ExitStatus } from '../types.js';
import { UsageError } from '../usage-error.js';

interface NodesFlags {
  readonly nats?: string;
  readonly name?: string;
  readonly coordinator: boolean;
  readonly json: boolean;
}

const DESCRIPTION = `Lists the nodes that "kmemlab node" offers on a NATS server: those that answer within 300 ms, or the first after that, for which it
waits up to three seconds.

With --name it asks for one of them, with --coordinator for the services that take orders ("kmemlab submit"): so a container or a
script can tell whether its part is up.

Exit status: 0 there are some, 2 wrong usage or no such server, 3 there is none (of that name).

EXAMPLES
  kmemlab nodes --nats nats://127.0.0.1:4222
  kmemlab nodes --nats nats://lab.example:4222 --name rack1-a
  kmemlab nodes --nats nats://lab.example:4222 --json`;

function nodeTable(nodes: readonly Registration[], cli: CliContext): string[] {
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
  return table(textOptions(cli), columns, rows, 0);
}

function serviceTable(services: readonly Presence[], cli: CliContext): string[] {
  const rows = services.map(({ host, pid, running, waiting }) => ({
    cells: [host, String(pid), running ? 'runs an order' : 'free', String(waiting)],
  }));
  const columns = [
    { title: 'coordinator on', align: 'left' },
    { title: 'pid', align: 'right' },
    { title: 'state', align: 'left' },
    { title: 'waiting', align: 'right' },
  ] as const;
  return table(textOptions(cli), columns, rows, 0);
}

const NO_SERVICE = 'no coordinator service is there; start services/coordinator (docs/live.md)';

/** Print what was found, or that there is none. */
function answer(
  cli: CliContext,
  { json, none }: { readonly json: object | false; readonly none: string },
  lines: () => readonly string[],
): ExitStatus {
  const found = lines();
  if (json !== false) cli.stdout.write(toJson(json));
  else if (found.length > 0) cli.stdout.write(`${found.join('\n')}\n`);
  if (found.length > 0) return ExitStatus.ok;
  cli.stderr.write(`kmemlab: ${none}\n`);
  return ExitStatus.failed;
}

export const nodesCommand = buildCommand<NodesFlags, [], CommandThis>({
  async func({ nats, name, coordinator, json }) {
    const { cli } = this;
    const host = await cli.loadHost();
    const server = { nats: serverOf(nats, cli.env), env: cli.env };
    if (coordinator && name !== undefined) throw new UsageError('--name: services have none; leave --coordinator out');
    if (coordinator) {
      const services = await host.services(server);
      this.status = answer(
        cli,
        { json: json && { schema: 'kmemlab.coordinators/1', services }, none: NO_SERVICE },
        () => (services.length === 0 ? [] : serviceTable(services, cli)),
      );
      return;
    }
    const all = await host.registeredNodes(server, name);
    const nodes = all.filter((node) => name === undefined || node.name === name);
    const none = `no node${name === undefined ? '' : ` called ${name}`} is registered there; start one with "kmemlab node --nats URL"`;
    this.status = answer(cli, { json: json && { schema: 'kmemlab.nodes/1', nodes }, none }, () =>
      nodes.length === 0 ? [] : nodeTable(nodes, cli),
    );
  },
  parameters: {
    flags: {
      nats: neededServerFlag('The NATS server to ask'),
      name: { kind: 'parsed', parse: filled, optional: true, placeholder: 'NAME', brief: 'Only the node of this name' },
      coordinator: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Look for coordinator services instead',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print a kmemlab.nodes/1 document' },
    },
  },
  docs: { brief: 'List the nodes that are offered on a server', fullDescription: DESCRIPTION },
});
