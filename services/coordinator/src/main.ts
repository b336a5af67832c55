import { connectTo, InputProblem } from '@kmemlab/coordinator';
import { clusterStarter } from '@kmemlab/experiments';
import type { Bus } from '@kmemlab/machine-live';
import { nodeProgram } from '@kmemlab/node-service';
import { oneLine } from '@kmemlab/results';
import { CoordinatorService } from './service.js';
import { type Settings, settingsFrom } from './settings.js';

/** Exit statuses, as those of the command; a stop that was asked for is no failure. */
const Status = { stopped: 0, wrongInput: 2, failed: 3, interrupted: 130 } as const;

process.title = 'kmemlab-coordinator';
const { env } = process;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function giveUp(error: unknown, status: number): never {
  process.stderr.write(`kmemlab-coordinator: ${oneLine(error)}\n`);
  process.exit(status);
}

/** Resolves at the first signal; the second ends the process. */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      if (++signals > 1) process.exit(Status.interrupted);
      resolve();
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  });
}

/** Resolves when something is thrown where nobody waits for it: a patch of some order has left it behind. */
const broken = (): Promise<Error> => new Promise((resolve) => process.on('uncaughtException', resolve));

/** Serves until a signal, or until the server is lost or something breaks; resolves with the exit status. */
async function serve(bus: Bus, { nats, runs }: Settings): Promise<number> {
  const lost = new Promise<string>((resolve) => bus.onLost(resolve));
  const interrupted = interruption();
  const threw = broken();
  const startCluster = clusterStarter({ nodeProgram, env, measureFloors: true });
  const service = new CoordinatorService({ bus, site: { runs, place: { nats }, startCluster }, log: print });
  await bus.flush();
  print(`takes run orders at ${bus.server}, keeps runs in ${runs}; Ctrl-C ends it`);
  const reason = await Promise.race([lost, interrupted, threw]);
  if (reason instanceof Error) {
    const detail = `${oneLine(reason)}, thrown where nobody waits for it`;
    process.stderr.write(`kmemlab-coordinator: internal: ${detail}\n`);
    await service.stop({ kind: 'internal', detail });
    await bus.close();
    return Status.failed;
  }
  if (reason === undefined) {
    await service.stop();
    await bus.close();
    return Status.stopped;
  }
  process.stderr.write(`kmemlab-coordinator: broker-lost: ${oneLine(reason)}\n`);
  await service.stop({ kind: 'broker-lost', detail: reason });
  return Status.failed;
}

for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
try {
  const settings = settingsFrom(env);
  const bus = await connectTo(settings.nats, env, 'kmemlab coordinator').catch((error) =>
    giveUp(error, Status.wrongInput),
  );
  process.exit(await serve(bus, settings));
} catch (error) {
  giveUp(error, error instanceof InputProblem ? Status.wrongInput : Status.failed);
}
