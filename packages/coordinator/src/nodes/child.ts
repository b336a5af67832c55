import { type ChildProcess, spawn } from 'node:child_process';
import { type Credentials, credentialsOf, type Environment } from '../broker/types.js';
import { findProgram } from '../host/find-program.js';
import { Tail } from '../host/tail.js';
import type { NodeExit } from './types.js';

/** What a node process needs to find its run; it travels by environment, since a command line is for all to see. */
export interface NodeEnvironment extends Credentials {
  readonly url: string;
  readonly run: string;
  readonly node: number;
}

export interface ChildOptions {
  /** The program's path. */
  readonly program: string;
  /** The rest of the process's environment. */
  readonly env: Environment;
  readonly about: NodeEnvironment;
  /** Core to place the process on, which takes a `taskset`; any if absent. */
  readonly core?: number;
}

/** A node process of ours. It ends when its stdin does, so it cannot outlive us. */
export class NodeChild {
  readonly exited: Promise<NodeExit>;
  private readonly child: ChildProcess;
  private readonly errors: Tail | undefined;

  constructor({ program, env, about, core }: ChildOptions) {
    const place = core === undefined ? [] : [findProgram('taskset', env) ?? 'taskset', '-c', String(core)];
    const [command, ...args] = [...place, process.execPath, program];
    this.child = spawn(command as string, args, {
      stdio: ['pipe', 'ignore', 'pipe'],
      env: { ...env, ...environmentOf(about) },
    });
    this.child.stdin?.on('error', () => {});
    if (this.child.stderr !== null) this.errors = new Tail(this.child.stderr);
    this.exited = new Promise((resolve) => {
      let fault = '';
      const ended = (code: number | null, signal: string | null) =>
        resolve({ code, signal, lastLine: this.lastLine || fault });
      this.child.on('error', (error) => {
        fault = error.message;
        if (this.child.pid === undefined) ended(null, null);
      });
      this.child.on('close', ended);
    });
  }

  /** 0 if the process could not be started. */
  get pid(): number {
    return this.child.pid ?? 0;
  }

  get lastLine(): string {
    return this.errors?.lastLine ?? '';
  }

  /** Ask it to end. */
  terminate(): void {
    this.child.kill('SIGTERM');
  }

  /** End it. */
  kill(): void {
    this.child.kill('SIGKILL');
  }
}

function environmentOf({ url, run, node, ...access }: NodeEnvironment): Record<string, string | undefined> {
  return {
    KMEMLAB_URL: url,
    KMEMLAB_TOKEN: access.token,
    KMEMLAB_USER: access.user,
    KMEMLAB_PASS: access.pass,
    KMEMLAB_CREDS: access.credsFile,
    KMEMLAB_NKEY: access.nkeyFile,
    KMEMLAB_CA: access.caFile,
    KMEMLAB_RUN: run,
    KMEMLAB_NODE: String(node),
  };
}

/** What a node process finds in its environment. Throws an Error that names what is missing. */
export function readNodeEnvironment(env: Environment): NodeEnvironment {
  const { KMEMLAB_URL: url, KMEMLAB_RUN: run, KMEMLAB_NODE: number } = env;
  const node = Number(number);
  if (!url || !run || !Number.isSafeInteger(node) || node < 0 || number === '')
    throw new Error(
      'a node process is started by a run, or by "kmemlab node": KMEMLAB_URL, KMEMLAB_RUN or KMEMLAB_NODE is missing',
    );
  const { KMEMLAB_TOKEN: token, KMEMLAB_USER: user, KMEMLAB_PASS: pass } = env;
  const { KMEMLAB_CREDS: credsFile, KMEMLAB_NKEY: nkeyFile, KMEMLAB_CA: caFile } = env;
  return { url, run, node, ...credentialsOf({ token, user, pass, credsFile, nkeyFile, caFile }) };
}
