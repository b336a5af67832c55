import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Environment } from '../broker/types.js';
import { mostCpusInOneNode } from '../limits.js';
import { allowedCores } from './cores.js';
import { findProgram } from './find-program.js';
import { type Resources, readResources } from './resources.js';

/** This computer, as far as it matters to a live machine. */
export interface HostDescription {
  /** Cores that this process may run on, and their name. */
  readonly cores: number;
  readonly cpu: string;
  /** bytes */
  readonly memory: { readonly total: number; readonly free: number };
  readonly node: string;
  readonly natsServer: { readonly path: string; readonly version: string } | null;
  /** Where `taskset` is, which `--pin` needs. */
  readonly taskset: string | null;
  readonly limits: Resources;
  /** Most CPUs that one node here can have. */
  readonly cpusInOneNode: number;
}

/** Looks at this computer; takes a fraction of a second. */
export async function describeHost(env: Environment): Promise<HostDescription> {
  const limits = readResources();
  const path = findProgram('nats-server', env);
  return {
    cores: allowedCores().length,
    cpu: cpus()[0]?.model ?? 'unknown',
    memory: { total: totalmem(), free: limits.memory },
    node: process.version,
    natsServer: path === undefined ? null : { path, version: await versionOf(path) },
    taskset: findProgram('taskset', env) ?? null,
    limits,
    cpusInOneNode: mostCpusInOneNode(limits),
  };
}

async function versionOf(program: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 5_000 });
    return /v?(\d+\.\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
