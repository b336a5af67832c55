import { createRequire } from 'node:module';
import { oneLine } from '@kmemlab/results';
import { runCli } from './cli.js';
import { ExitStatus, type Output } from './types.js';

interface Package {
  readonly version: string;
}

const { version } = createRequire(import.meta.url)('kmemlab/package.json') as Package;

function outputTo(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY === true,
    ...(stream.isTTY && { columns: stream.columns }),
  };
}

// What a patch prints is for people: documents go to stdout.
Object.assign(console, { log: console.error, info: console.error, debug: console.error });

const interruption = new AbortController();
/** Whoever ends the process first says why. */
let ending = false;

function interrupt(): void {
  if (interruption.signal.aborted || ending) {
    ending = true;
    process.exit(ExitStatus.interrupted);
  }
  interruption.abort();
}

/** Signals are heard once a command can end in order. Before that, while a patch is loaded, which may never end, one ends the process. */
function hearSignals(): AbortSignal {
  if (!process.listeners('SIGINT').includes(interrupt)) process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return interruption.signal;
}

/** A reader that has gone (`| head`) is no error of ours; any other failure to print is. */
let printing: NodeJS.ErrnoException | undefined;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' || printing !== undefined) return;
  printing = error;
  process.stderr.write(`kmemlab: cannot write to stdout: ${oneLine(error)}\n`);
});
process.on('uncaughtException', (error) => {
  ending = true;
  process.stderr.write(`kmemlab: failed (internal): ${oneLine(error)}, thrown where nobody waits for it\n`);
  process.exit(ExitStatus.failed);
});
process.on('exit', () => {
  if (!ending) {
    process.stderr.write(
      'kmemlab: failed (internal): ended half-way; does a patch call process.exit, or wait for ever?\n',
    );
    process.exitCode = ExitStatus.failed;
  }
  if (printing !== undefined) process.exitCode = ExitStatus.failed;
});
process.stderr.on('error', () => {});

const status = await runCli(process.argv.slice(2), {
  stdout: outputTo(process.stdout),
  stderr: outputTo(process.stderr),
  env: process.env,
  version,
  now: () => new Date(),
  get signal() {
    return hearSignals();
  },
  loadHost: async () => (await import('./host.js')).host,
  loadEngine: async () => (await import('./engine.js')).engine,
});
ending = true;
// What a patch has left behind, a timer say, does not keep the command from ending; what was printed leaves first.
for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => stream.write('', resolve));
process.exit(status);
