import { spawn } from 'node:child_process';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startEmbeddedBroker } from '../src/index.js';

/** A broker under test. */
export interface RunningBroker {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  close(): Promise<void>;
}

const token = 'conformance-token';

/** A `nats-server` from PATH on a free loopback port, ended by its process id. */
export async function startNatsServer(args: readonly string[]): Promise<Omit<RunningBroker, 'token'>> {
  const child = spawn('nats-server', ['--addr', '127.0.0.1', '--port', '-1', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const port = await new Promise<number>((resolve, reject) => {
    let log = '';
    child.on('error', (cause) => {
      const why = 'nats-server is not on PATH: install it (Debian: nats-server), the suite compares with it.';
      reject(new Error(why, { cause }));
    });
    child.on('close', () => reject(new Error(`nats-server ended before it listened: ${log}`)));
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      const found = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(log);
      if (found !== null) resolve(Number(found[1]));
    });
  });
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    async close() {
      child.kill('SIGTERM');
      const timer = setTimeout(kill, 2_000);
      await exited;
      clearTimeout(timer);
      process.removeListener('exit', kill);
    },
  };
}

/** What must behave alike. */
export const brokers: readonly { readonly name: string; readonly start: () => Promise<RunningBroker> }[] = [
  { name: 'nats-embedded', start: () => startEmbeddedBroker({ token }) },
  { name: 'nats-server', start: async () => ({ ...(await startNatsServer(['--auth', token])), token }) },
];

/**
 * A broker for the tests of a `describe`, started before the first of them and ended after the last. One that could not be
 * started fails each test; were it awaited before all of them, they would count as skipped.
 */
export function useBroker(start: () => Promise<RunningBroker>): () => RunningBroker {
  let starting: Promise<RunningBroker>;
  let broker: RunningBroker;
  beforeAll(() => {
    starting = start();
    starting.catch(() => {});
  });
  beforeEach(async () => {
    broker = await starting;
  });
  afterAll(async () => {
    await (await starting.catch(() => undefined))?.close();
  });
  return () => broker;
}
