import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allowedCores } from '../host/cores.js';
import { Tail } from '../host/tail.js';
import { newToken } from './embedded.js';
import { portInUse } from './port.js';
import type { Broker } from './types.js';

const START_DEADLINE_MS = 10_000;
const CLOSE_DEADLINE_MS = 2_000;

/**
 * Threads that run Go code in the server. It passes on one small message at a time; with a thread more each of them is
 * handed over on the way, on cores that the CPUs need: publish to publish and back took 172 to 205 µs on 2 cores with 2
 * of them, which is Go's default there, and 143 µs with 1.
 */
const goThreads = (): number => Math.max(1, Math.floor(allowedCores().length / 4));

/**
 * Starts the server ($0) with a configuration ($1), says its process id, and ends it when stdin ends, that is when we are
 * gone, however that came. The server may also end by itself. Removes the directory ($2) in either case. It has as many
 * Go threads as $3 says, unless the user says otherwise.
 */
const GUARD = `
exec 3<&0 </dev/null
GOMAXPROCS="\${GOMAXPROCS:-$3}" "$0" -c "$1" 3<&- >/dev/null &
server=$!
echo "$server"
(read -r _ <&3; kill -KILL "$server"; rm -rf "$2") >/dev/null 2>&1 &
guard=$!
exec 3<&- >/dev/null
wait "$server"
status=$?
kill -KILL "$guard" 2>/dev/null
rm -rf "$2"
exit "$status"
`;

/**
 * Start a `nats-server` on loopback that dies with this process. The token is in a file that only the user can read, not
 * on the command line. Throws an InputProblem if `port` is taken, an Error if the server does not start.
 */
export async function natsServer(program: string, port?: number): Promise<Broker> {
  const token = newToken();
  const directory = mkdtempSync(join(tmpdir(), 'kmemlab-nats-'));
  const configuration = join(directory, 'server.conf');
  const lines = [`listen: "127.0.0.1:${port ?? -1}"`, `authorization { token: "${token}" }`, ''];
  writeFileSync(configuration, lines.join('\n'), { mode: 0o600 });
  // A process group of its own: Ctrl-C at the terminal is for us, and the nodes need the server until they have stopped.
  const guard = spawn('/bin/sh', ['-c', GUARD, program, configuration, directory, String(goThreads())], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  guard.stdin.on('error', () => {});
  const close = () => end(guard, directory);
  try {
    const { pid, version, address } = await started(guard);
    const describe = `nats-server ${version} (${program}) on ${address}`;
    return { kind: 'nats-server', url: `nats://${address}`, token, describe, pid, close };
  } catch (error) {
    await close();
    if (port !== undefined && error instanceof Error && /address already in use/.test(error.message))
      throw portInUse(port);
    throw error;
  }
}

interface Started {
  readonly pid: number;
  readonly version: string;
  readonly address: string;
}

/** Resolves when the server listens; rejects with the last line of its log if it ends before, or takes too long. */
function started(guard: ReturnType<typeof spawn>): Promise<Started> {
  return new Promise((resolve, reject) => {
    let pid = 0;
    let version = '(version unknown)';
    const log = new Tail(guard.stderr as NonNullable<typeof guard.stderr>, (line) => {
      version = /Version:\s+(\S+)/.exec(line)?.[1] ?? version;
      const address = /Listening for client connections on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve({ pid, version, address });
    });
    new Tail(guard.stdout as NonNullable<typeof guard.stdout>, (line) => {
      pid = Number(line);
    });
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`nats-server ${why}${log.lastLine === '' ? '' : `: ${log.lastLine}`}`));
    };
    const timer = setTimeout(() => fail(`did not listen within ${START_DEADLINE_MS} ms`), START_DEADLINE_MS);
    guard.on('error', (error) => fail(`could not be started: ${error.message}`));
    guard.on('close', () => fail('ended before it listened'));
  });
}

async function end(guard: ChildProcess, directory: string): Promise<void> {
  if (guard.exitCode === null && guard.signalCode === null && guard.pid !== undefined) {
    const exited = once(guard, 'exit');
    const timer = setTimeout(() => killGroup(guard), CLOSE_DEADLINE_MS);
    guard.stdin?.end();
    await exited;
    clearTimeout(timer);
  }
  rmSync(directory, { recursive: true, force: true });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}
