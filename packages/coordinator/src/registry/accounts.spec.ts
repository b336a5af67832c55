import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bus, connectBus } from '@kmemlab/machine-live';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNatsServer } from '../../../nats-embedded/test/brokers.js';
import { NodeDaemon } from '../index.js';
import { discover } from './discover.js';

const program = fileURLToPath(new URL('../../fixtures/node.mjs', import.meta.url));
const settings = fileURLToPath(new URL('../../../../deploy/nats/cluster/nats.conf', import.meta.url));

/** The accounts of a deployed cluster, for one server without certificates; passwords are the users' names. */
function accounts(): string {
  const text = readFileSync(settings, 'utf8');
  return text.slice(text.indexOf('NODE: {')).replace(/\$(\w+)_PASSWORD/g, (_, name: string) => name.toLowerCase());
}

describe('the accounts of a cluster', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kmemlab-accounts-'));
  const buses: Bus[] = [];
  let server: Awaited<ReturnType<typeof startNatsServer>>;

  const connect = async (user: string): Promise<Bus> => {
    const bus = await connectBus({ url: server.url, user, pass: user, name: 'a spec' });
    buses.push(bus);
    return bus;
  };

  beforeAll(async () => {
    const file = join(folder, 'nats.conf');
    writeFileSync(file, accounts());
    server = await startNatsServer(['--config', file]);
  });

  afterAll(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await server.close();
    rmSync(folder, { recursive: true });
  });

  it('let a node find itself, as the probes of its pod do, and a runner find it', async () => {
    const bus = await connect('node');
    const about = { url: server.url, user: 'node', pass: 'node' };
    const daemon = new NodeDaemon({ ...about, bus, name: 'here', program, env: process.env });
    await bus.flush();
    for (const user of ['node', 'runner']) {
      const found = await discover(await connect(user));
      expect(found.map(({ name }) => name)).toEqual(['here']);
    }
    await daemon.close();
  });

  it('do not let a node order a run', async () => {
    const [node, runner] = [await connect('node'), await connect('runner')];
    const heard: string[] = [];
    runner.subscribe('kmemlab.runs.submit', (data) => heard.push(Buffer.from(data).toString()));
    await runner.flush();
    node.publish('kmemlab.runs.submit', Buffer.from('of a node'));
    await node.flush();
    runner.publish('kmemlab.runs.submit', Buffer.from('of a runner'));
    await runner.flush();
    expect(heard).toEqual(['of a runner']);
  });
});
