import { chooseBroker, credentialsOf } from '@kmemlab/coordinator';
import { connectBus } from '@kmemlab/machine-live';
import { expect, test } from 'vitest';
import { Command } from '../faults/command.mjs';
import { threadsOf } from '../faults/processes.mjs';

const NODES = 2;
const CPUS = 3;

test("with --nats the machine's frames go through that server, and every node is a process with a thread per CPU", async () => {
  const server = await chooseBroker({ env: { ...process.env, KMEMLAB_BROKER: 'nats-server' } });
  const bus = await connectBus({ url: server.url, ...credentialsOf(server), name: 'a subscriber' });
  const bytes = new Map<string, number>();
  bus.subscribe('kmemlab.>', (data, subject) => bytes.set(subject, (bytes.get(subject) ?? 0) + data.length));
  await bus.flush();
  const size = ['--nodes', String(NODES), '--cpus-per-node', String(CPUS)];
  const command = new Command(['run', 'avoid-ipis', ...size, '--param', 'loops=10', '--nats', server.url], {
    env: { KMEMLAB_NATS_TOKEN: server.token ?? '' },
  });
  try {
    await command.underWay();
    const nodes = command.nodes();
    expect(nodes).toHaveLength(NODES);
    for (const node of nodes) expect(threadsOf(node)).toBeGreaterThanOrEqual(CPUS);
    expect(command.processes().filter(({ name }) => name === 'nats-server')).toEqual([]);
    expect(await command.ended()).toBe(0);
    expect(command.document().live.broker.kind).toBe('given');
    expect(command.stderr).toMatch(/^broker: [^\n]*127\.0\.0\.1:\d+ \(given\)\n/);
    const subjects = [...bytes.keys()].join('\n');
    for (const [to, from] of [
      [0, 1],
      [1, 0],
    ]) {
      expect(subjects).toMatch(new RegExp(`^kmemlab\\.[\\w-]+\\.node\\.${to}\\.${from}$`, 'm'));
    }
    expect(subjects).toMatch(/^kmemlab\.[\w-]+\.ctl\./m);
  } finally {
    command.dispose();
    await bus.close();
    await server.close();
  }
});
