import { spawn } from 'node:child_process';
import { startEmbeddedBroker } from '../src/index.js';

/** A broker under test. */
export interface RunningBroker {
  readonly url: string;
  readonly port: number;
  readonly token: string;
  close(): Promise<void>;
}

const token = 'conformance-token';

/** The reference: a `nats-server` from PATH on a free loopback port, ended by its process id. */
async function startNatsServer(): Promise<RunningBroker> {
  const child = spawn('nats-server', ['--addr', '127.0.0.1', '--port', '-1', '--auth', token], {
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
    token,
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
  { name: 'nats-server', start: startNatsServer },
];
