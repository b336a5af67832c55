import { connectTo, InputProblem } from '@kmemlab/coordinator';
import { clusterStarter } from '@kmemlab/experiments';
import type { Bus } from '@kmemlab/machine-live';
import { nodeProgram } from '@kmemlab/node-service';
import { type Failure, oneLine } from '@kmemlab/results';
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
function interruption(): Promise<undefined> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      if (++signals > 1) process.exit(Status.interrupted);
      resolve(undefined);
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  });
}

/** Resolves when something, which may be no error, is thrown where nobody waits for it: a patch of some order has left it behind. */
function broken(): Promise<Failure> {
  return new Promise((resolve) => {
    process.on('uncaughtException', (thrown) => {
      resolve({ kind: 'internal', detail: `${oneLine(thrown)}, thrown where nobody waits for it` });
    });
  });
}

/** Serves until a signal, or until the server is lost or something breaks; resolves with the exit status. */
async function serve(bus: Bus, { nats, runs }: Settings): Promise<number> {
  const lost = new Promise<Failure>((resolve) => bus.onLost((detail) => resolve({ kind: 'broker-lost', detail })));
  const interrupted = interruption();
  const threw = broken();
  const startCluster = clusterStarter({ nodeProgram, env, measureFloors: true });
  const service = new CoordinatorService({ bus, site: { runs, place: { nats }, startCluster }, log: print });
  await bus.flush();
  print(`takes run orders at ${bus.server}, keeps runs in ${runs}; Ctrl-C ends it`);
  const failure = await Promise.race([lost, interrupted, threw]);
  if (failure !== undefined) process.stderr.write(`kmemlab-coordinator: ${failure.kind}: ${oneLine(failure.detail)}\n`);
  await service.stop(failure);
  if (failure?.kind !== 'broker-lost') await bus.close();
  return failure === undefined ? Status.stopped : Status.failed;
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
