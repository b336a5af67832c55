import { once } from 'node:events';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { accessTo, type Environment, InputProblem, NodeDaemon } from '@kmemlab/coordinator';
import { connectBus } from '@kmemlab/machine-live';

export interface NodeDaemonRequest {
  /** URL of the NATS server. */
  readonly nats: string;
  /** What people call this node; the host's name and the process id if absent. */
  readonly name?: string;
  readonly env: Environment;
  /** Aborting ends it, and the node process that it has started. */
  readonly signal: AbortSignal;
  /** Called when it is registered, with one line that says so. */
  readonly onRegistered?: (line: string) => void;
}

/** The server was lost, and with it the runs; the command exits with status 3. */
export class RegistryLost extends Error {
  override readonly name = 'RegistryLost';
}

/**
 * Offer this computer as a node on a NATS server, until the signal is aborted.
 * Throws an InputProblem if the server cannot be used, {@link RegistryLost} if the connection is lost.
 */
export async function runNodeDaemon(request: NodeDaemonRequest): Promise<void> {
  const { nats, env, signal, name = `${hostname()}-${process.pid}`, onRegistered = print } = request;
  const access = await accessTo(nats, env);
  const bus = await connectBus({ ...access, name: `kmemlab node ${name}` }).catch((error: Error) => {
    throw new InputProblem(`${error.message}; check --nats and the server`);
  });
  const program = fileURLToPath(new URL('./main.js', import.meta.url));
  const daemon = new NodeDaemon({ ...access, bus, name, program, env });
  const lost = new Promise<string>((resolve) => bus.onLost(resolve));
  try {
    await bus.flush();
    onRegistered(`node ${name} is registered at ${bus.server} and waits for runs; Ctrl-C ends it`);
    const interrupted = signal.aborted ? Promise.resolve() : once(signal, 'abort').then(() => {});
    const reason = await Promise.race([lost, interrupted]);
    if (typeof reason === 'string') throw new RegistryLost(`the connection to the NATS server was lost: ${reason}`);
  } finally {
    await daemon.close();
    await bus.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
