import { createServer } from 'node:net';
import { type Broker, chooseBroker } from '@kmemlab/coordinator';
import { type Bus, ControlChannel, connectBus } from '@kmemlab/machine-live';
import { describe, test } from 'vitest';
import type { Command } from './command.mjs';
import { type AfterTest, disposable, expectFailure, expectRefusal } from './expectations.js';
import { signal } from './processes.mjs';
import { endless, small } from './runs.mjs';

const { KMEMLAB_NATS_URL: _, ...env } = process.env;

/** A NATS server of one's own. */
async function ownServer(onTestFinished: AfterTest): Promise<Broker> {
  const server = await chooseBroker({ env: { ...env, KMEMLAB_BROKER: 'nats-server' } });
  onTestFinished(() => server.close());
  return server;
}

const endlessOn = (onTestFinished: AfterTest, { url, token = '' }: Broker): Command =>
  disposable(onTestFinished, endless(['--nats', url], { env: { KMEMLAB_NATS_TOKEN: token } }));

/** A stranger on the server, who finds out the name of the run. */
async function stranger(onTestFinished: AfterTest, { url, token }: Broker) {
  const bus = await connectBus({ url, token, name: 'a stranger' });
  onTestFinished(() => bus.close());
  const name = new Promise<string>((resolve) => {
    bus.subscribe('kmemlab.>', (_data, subject) => {
      const found = /^kmemlab\.([^.]+)\.(?:ctl|node)\./.exec(subject)?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  await bus.flush();
  return { bus, name };
}

interface WatchedRun {
  readonly command: Command;
  readonly bus: Bus;
  readonly run: string;
}

/** A run that is under way on a server of one's own, and a stranger's connection to that server. */
async function runWithStranger(onTestFinished: AfterTest): Promise<WatchedRun> {
  const server = await ownServer(onTestFinished);
  const { bus, name } = await stranger(onTestFinished, server);
  const command = endlessOn(onTestFinished, server);
  await command.underWay();
  return { command, bus, run: await name };
}

const GARBAGE = Uint8Array.from({ length: 200 }, (_, index) => (index * 37 + 11) % 256);

describe.concurrent('a broker', () => {
  test('that was started for the run and is killed ends it as broker-lost', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, endless());
    await command.underWay();
    signal(await command.broker(), 'SIGKILL');
    await expectFailure(command, 'broker-lost', /lost/);
  });

  test('that the user has named and is killed ends the run as broker-lost', async ({ onTestFinished }) => {
    const server = await ownServer(onTestFinished);
    const command = endlessOn(onTestFinished, server);
    await command.underWay();
    signal(server.pid as number, 'SIGKILL');
    await expectFailure(command, 'broker-lost', /lost/);
  });

  test('whose port is in use is wrong usage', async ({ onTestFinished }) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    const command = disposable(onTestFinished, small(['--broker-port', String(port)]));
    await expectRefusal(command, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use; choose another .*`));
  });
});

describe.concurrent('a stranger on the server', () => {
  test('who sends garbage to the control subjects is ignored, and to a node ends the run as transport-lost', async ({
    onTestFinished,
  }) => {
    const { bus, command, run } = await runWithStranger(onTestFinished);
    for (const to of ['coordinator', '0', '1', '7', 'x'])
      for (let length = 0; length <= GARBAGE.length; length++)
        bus.publish(`kmemlab.${run}.ctl.${to}`, GARBAGE.subarray(0, length));
    await bus.flush();
    const { kick_all_cpus_sync: kicks } = command.result().counters.calls;
    await command.underWay(kicks + 10);
    bus.publish(`kmemlab.${run}.node.0.1`, GARBAGE);
    await expectFailure(command, 'transport-lost', /^node 0: node 1 sent a malformed frame: /);
  });

  test('who sends a well-formed lie in the name of a node ends the run with what was wrong', async ({
    onTestFinished,
  }) => {
    const { bus, command, run } = await runWithStranger(onTestFinished);
    const liar = new ControlChannel({ bus, run, self: 1 });
    onTestFinished(() => liar.close());
    liar.event('coordinator', 'report', { node: 1, at: 'noon' });
    await expectFailure(command, 'internal', /^a report of node 1 is malformed: /);
  });
});
