import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/kmemlab.js', import.meta.url));

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const made: string[] = [];

/** An empty directory to run in, so that what a command writes is seen. It goes with the specs of the file. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'kmemlab-'));
  made.push(directory);
  return directory;
}

afterAll(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

export const filesIn = (directory: string): string[] => readdirSync(directory);

/** Run the built command as a user does. `onStderr` sees what it writes while it runs. */
export function kmemlab(
  args: readonly string[],
  cwd: string,
  signalWhen?: (stderr: string) => boolean,
): Promise<Finished> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  if (signalWhen !== undefined) {
    const timer = setInterval(() => {
      if (!signalWhen(stderr)) return;
      clearInterval(timer);
      child.kill('SIGINT');
    }, 20);
    child.on('close', () => clearInterval(timer));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
