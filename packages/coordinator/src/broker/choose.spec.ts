import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectBus } from '@kmemlab/machine-live';
import { afterEach, describe, expect, it } from 'vitest';
import { runs, survivors } from '../../fixtures/processes.js';
import { allowedCores } from '../host/cores.js';
import { type BrokerChoice, chooseBroker } from './choose.js';
import type { Broker } from './types.js';

const open: { close(): unknown }[] = [];
const { KMEMLAB_NATS_URL: _, ...env } = process.env;

async function choose(choice: Partial<BrokerChoice> = {}): Promise<Broker> {
  const broker = await chooseBroker({ env, ...choice });
  open.push(broker);
  return broker;
}

/** A directory with a program called nats-server. */
function fakeServer(script: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'kmemlab-spec-'));
  const path = join(directory, 'nats-server');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  open.push({ close: () => rmSync(directory, { recursive: true }) });
  return directory;
}

async function takenPort(): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(server);
  return (server.address() as { port: number }).port;
}

async function greet({ url, token }: Broker): Promise<void> {
  const bus = await connectBus({ url, name: 'a spec', ...(token !== undefined && { token }) });
  await bus.flush();
  await bus.close();
}

const temporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith('kmemlab-nats-'));

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

describe('chooseBroker', () => {
  it('prefers the server that the user named, by flag before environment', async () => {
    const named = { ...env, KMEMLAB_NATS_URL: 'nats://a.example' };
    expect(await choose({ env: named })).toMatchObject({ kind: 'given', url: 'nats://a.example:4222' });
    expect(await choose({ env: named, url: 'nats://b.example' })).toMatchObject({ url: 'nats://b.example:4222' });
  });

  it('else starts the nats-server on PATH, on loopback, with a token that is on no command line', async () => {
    const before = temporary();
    const broker = await choose();
    expect(broker.describe).toMatch(/^nats-server \d+\.\d+\.\d+ \(\/.*\/nats-server\) on 127\.0\.0\.1:\d+$/);
    const pid = broker.pid as number;
    expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('nats-server\n');
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(broker.token);
    const goThreads = Math.max(1, Math.floor(allowedCores().length / 4));
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')).toContain(`GOMAXPROCS=${goThreads}`);
    await greet(broker);
    await expect(connectBus({ url: broker.url, name: 'a stranger' })).rejects.toThrow('token');
    await broker.close();
    await broker.close();
    expect(await survivors([pid], 0)).toEqual([]);
    expect(temporary()).toEqual(before);
  });

  it('else is a broker of its own', async () => {
    const broker = await choose({ env: { PATH: '' } });
    expect(broker.describe).toMatch(/^embedded broker on 127\.0\.0\.1:\d+$/);
    await greet(broker);
  });

  it.each(['embedded', 'nats-server'])('gives the kind that is asked for: %s', async (kind) => {
    const broker = await choose({ env: { ...env, KMEMLAB_NATS_URL: 'nats://a.example', KMEMLAB_BROKER: kind } });
    expect(broker.kind).toBe(kind);
  });

  it('refuses a kind that it does not know, and a nats-server that is not there', async () => {
    await expect(choose({ env: { KMEMLAB_BROKER: 'kafka' } })).rejects.toMatchObject({ name: 'InputProblem' });
    const missing = choose({ env: { PATH: '', KMEMLAB_BROKER: 'nats-server' } });
    await expect(missing).rejects.toThrow('no nats-server is on PATH');
  });

  it.each(['embedded', 'nats-server'])('uses the port that is asked for, unless it is taken: %s', async (kind) => {
    const port = await takenPort();
    const wish = { env: { ...env, KMEMLAB_BROKER: kind }, port };
    await expect(choose(wish)).rejects.toMatchObject({
      name: 'InputProblem',
      message: `port ${port} on 127.0.0.1 is in use; choose another --broker-port or leave it away`,
    });
    await Promise.all(open.splice(0).map((one) => one.close()));
    expect((await choose(wish)).url).toBe(`nats://127.0.0.1:${port}`);
  });

  it('does with its own broker if the nats-server does not start, and says why', async () => {
    const before = temporary();
    const PATH = fakeServer('echo "no licence" >&2; exit 1');
    const broker = await choose({ env: { PATH } });
    expect(broker.kind).toBe('embedded');
    expect(broker.describe).toMatch(/\(nats-server ended before it listened: no licence\)$/);
    expect(temporary()).toEqual(before);
  });

  it('cleans up when the server dies by itself', async () => {
    const before = temporary();
    const broker = await choose({ env: { ...env, KMEMLAB_BROKER: 'nats-server' } });
    const pid = broker.pid as number;
    expect(runs(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
    await broker.close();
    expect(await survivors([pid], 0)).toEqual([]);
    expect(temporary()).toEqual(before);
  });
});
