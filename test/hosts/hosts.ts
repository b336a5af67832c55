import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Finished } from '../e2e/command.js';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/kmemlab.js', import.meta.url));
const LATE_LINE = fileURLToPath(new URL('late-line.mjs', import.meta.url));
const TOKEN = 'between-hosts';
const NATS_PORT = 4222;

const ip = (...args: readonly string[]): string => execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe' });

/** Why there can be no hosts here, undefined if there can. */
export function missing(): string | undefined {
  try {
    execFileSync('nats-server', ['--version'], { stdio: 'ignore' });
  } catch {
    return 'nats-server is not on the PATH';
  }
  const probe = `kmemlab-${process.pid}`;
  try {
    ip('netns', 'add', probe);
    ip('netns', 'del', probe);
    return undefined;
  } catch {
    return 'network namespaces cannot be made: that takes iproute2 and root';
  }
}

/**
 * Some hosts on one network: network namespaces, each with an address of its own, joined by a bridge in the first, where the
 * NATS server is. Nothing outside of them is touched.
 */
export class Hosts {
  private readonly children: ChildProcess[] = [];

  private constructor(private readonly names: readonly string[]) {}

  static make(count: number): Hosts {
    const hosts = new Hosts(Array.from({ length: count }, (_, host) => `kml${process.pid}-${host}`));
    hosts.lay();
    return hosts;
  }

  address = (host: number): string => `10.77.0.${host + 1}`;

  get server(): string {
    return `nats://${this.address(0)}:${NATS_PORT}`;
  }

  private lay(): void {
    const [first = '', ...others] = this.names;
    for (const name of this.names) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    ip('-n', first, 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', first, 'addr', 'add', `${this.address(0)}/24`, 'dev', 'bridge');
    ip('-n', first, 'link', 'set', 'bridge', 'up');
    for (const [index, name] of others.entries()) {
      const port = `port${index + 1}`;
      ip('-n', first, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'wire', 'netns', name);
      ip('-n', first, 'link', 'set', port, 'master', 'bridge');
      ip('-n', first, 'link', 'set', port, 'up');
      ip('-n', name, 'addr', 'add', `${this.address(index + 1)}/24`, 'dev', 'wire');
      ip('-n', name, 'link', 'set', 'wire', 'up');
    }
  }

  /** Cut a host's wire, or join it again. */
  wire(host: number, state: 'down' | 'up'): void {
    ip('-n', this.names[0] as string, 'link', 'set', `port${host}`, state);
  }

  private start(host: number, command: readonly string[]): ChildProcess {
    const env = { ...process.env, KMEMLAB_NATS_TOKEN: TOKEN };
    const child = spawn('ip', ['netns', 'exec', this.names[host] as string, ...command], { env, stdio: 'pipe' });
    this.children.push(child);
    return child;
  }

  /** Start the NATS server; resolves when it serves. */
  async serve(): Promise<ChildProcess> {
    const server = this.start(0, ['nats-server', '-a', this.address(0), '-p', String(NATS_PORT), '--auth', TOKEN]);
    await said(server, /Server is ready/);
    return server;
  }

  /** A line to the server on which every byte is late, each way. Resolves with the server's address on it. */
  async lateLine(ms: number): Promise<string> {
    const line = this.start(0, [process.execPath, LATE_LINE, this.address(0), String(NATS_PORT), String(ms)]);
    const [, port] = await said(line, /listens on (\d+)/);
    return `nats://${this.address(0)}:${port}`;
  }

  /** Offer a node on a host; resolves when it is registered. */
  async node(host: number, server: string = this.server): Promise<void> {
    const args = ['node', '--nats', server, '--name', `host${host}`];
    await said(this.start(host, [process.execPath, BIN, ...args]), /is registered/);
  }

  /** Run the command on the first host. `onStderr` sees what it writes while it runs. */
  async kmemlab(args: readonly string[], cwd: string, onStderr: (text: string) => void = () => {}): Promise<Finished> {
    const command = [process.execPath, BIN, ...args];
    const env = { ...process.env, KMEMLAB_NATS_TOKEN: TOKEN };
    const child = spawn('ip', ['netns', 'exec', this.names[0] as string, ...command], { cwd, env, stdio: 'pipe' });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      onStderr(stderr);
    });
    const [status] = await once(child, 'close');
    return { status, stdout, stderr };
  }

  /** End everything, and take the network away. */
  async remove(): Promise<void> {
    const running = this.children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const ends = running.map((child) => once(child, 'exit'));
    for (const child of running) child.kill('SIGTERM');
    await Promise.all(ends);
    for (const name of this.names) ip('netns', 'del', name);
  }
}

/** Resolves when a process has written this. */
function said(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = '';
    const hear = (chunk: unknown): void => {
      text += chunk;
      const match = pattern.exec(text);
      if (match !== null) resolve(match);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('close', (status) => reject(new Error(`ended with ${status} and has not said ${pattern}: ${text}`)));
  });
}
