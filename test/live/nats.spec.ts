import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseBroker, credentialsOf } from '@kmemlab/coordinator';
import { connectBus } from '@kmemlab/machine-live';
import { expect, onTestFinished, test } from 'vitest';
import { startNatsServer } from '../../packages/nats-embedded/test/brokers.js';
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

test('a run through a server that speaks TLS and asks for a password leaves the password nowhere', async () => {
  const secret = 'p4ss-of-the-spec';
  const directory = mkdtempSync(join(tmpdir(), 'kmemlab-tls-'));
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const how = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=kmemlab',
  ];
  const name = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...how, ...name, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const server = await startNatsServer(['--tls', '--tlscert', cert, '--tlskey', key, '--user', 'me', '--pass', secret]);
  const access = { KMEMLAB_NATS_USER: 'me', KMEMLAB_NATS_PASSWORD: secret, KMEMLAB_NATS_CA: cert };
  const args = ['run', 'avoid-ipis', '--nodes', '2', '--cpus-per-node', '1', '--param', 'loops=10'];
  const command = new Command([...args, '--nats', `tls://127.0.0.1:${server.port}`], { env: access });
  onTestFinished(async () => {
    command.dispose();
    await server.close();
    rmSync(directory, { recursive: true });
  });
  await command.underWay();
  for (const pid of [command.pid, ...command.nodes()]) {
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(secret);
  }
  expect({ status: await command.ended(), stderr: command.stderr }).toMatchObject({ status: 0 });
  const kept = readdirSync(command.out).map((file) => readFileSync(join(command.out, file), 'utf8'));
  expect(kept.length).toBeGreaterThan(0);
  expect([command.stdout, command.stderr, ...kept].filter((text) => text.includes(secret))).toEqual([]);
});
