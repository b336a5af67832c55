import { createRequire } from 'node:module';
import { runCli } from './cli.js';
import { ExitStatus, type Output } from './types.js';
import { oneLine } from './usage-error.js';

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

const interruption = new AbortController();

function interrupt(): void {
  if (interruption.signal.aborted) process.exit(ExitStatus.interrupted);
  interruption.abort();
}
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);

/** A reader that has gone (`| head`) is no error of ours; any other failure to print is. */
let printing: NodeJS.ErrnoException | undefined;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' || printing !== undefined) return;
  printing = error;
  process.stderr.write(`kmemlab: cannot write to stdout: ${oneLine(error)}\n`);
});
process.on('exit', () => {
  if (printing !== undefined) process.exitCode = ExitStatus.failed;
});
process.stderr.on('error', () => {});

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: outputTo(process.stdout),
  stderr: outputTo(process.stderr),
  env: process.env,
  version,
  now: () => new Date(),
  signal: interruption.signal,
  loadHost: async () => (await import('./host.js')).host,
  loadEngine: async () => (await import('./engine.js')).engine,
});
