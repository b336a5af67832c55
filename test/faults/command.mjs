import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processesWith, signal } from './processes.mjs';

const BIN = fileURLToPath(new URL('../../packages/cli/bin/kmemlab.js', import.meta.url));
const MARK = 'KMEMLAB_FAULT_TEST';
const POLL_MS = 10;

/** For a step of a run on a busy computer, ms. */
const STEP_MS = 90_000;
/** For processes to be gone after the command has ended, ms. */
const GONE_MS = 10_000;

/**
 * The built command on the live machine, as a user starts it at a terminal: in a process group of its own. It writes
 * into `directory`. Every process that comes of it is known by a variable in its environment.
 */
export class Command {
  stdout = '';
  stderr = '';
  /** How it ended. */
  status;
  hasEnded = false;
  #mark = randomUUID();
  #afterwards = [];
  #child;
  #ended;

  /**
   * @param {readonly string[]} args after `kmemlab`; `--json`, and `--out` below its directory, are added
   * @param {{ env?: Record<string, string>, out?: string }} options
   */
  constructor(args, { env = {}, out } = {}) {
    const { KMEMLAB_NATS_URL: _url, KMEMLAB_BROKER: _broker, ...surroundings } = process.env;
    this.directory = mkdtempSync(join(tmpdir(), 'kmemlab-fault-'));
    this.out = out ?? join(this.directory, 'run');
    this.#child = spawn(process.execPath, [BIN, ...args, '--json', '--out', this.out], {
      cwd: this.directory,
      env: { ...surroundings, ...env, [MARK]: this.#mark },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child.stdout.on('data', (text) => {
      this.stdout += text;
    });
    this.#child.stderr.on('data', (text) => {
      this.stderr += text;
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', (status, name) => {
        this.status = status ?? name;
        this.hasEnded = true;
        resolve(this.status);
      });
    });
  }

  get pid() {
    return this.#child.pid;
  }

  /** Its exit status, or the signal that ended it. Rejects if it takes too long. */
  async ended(deadlineMs = STEP_MS) {
    const timeout = new AbortController();
    const late = delay(deadlineMs, 'late', { signal: timeout.signal }).catch(() => {});
    const status = await Promise.race([this.#ended, late]);
    timeout.abort();
    if (status === 'late') throw new Error(`it has not ended within ${deadlineMs} ms: ${this.#state()}`);
    return status;
  }

  /** Wait until this is true of the run; what it is true of, is returned. Rejects if the command ends before. */
  async until(what, condition, deadlineMs = STEP_MS) {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const value = condition(this);
      if (value) return value;
      if (this.hasEnded) throw new Error(`it ended before ${what}: ${this.#state()}`);
      if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}: ${this.#state()}`);
      await delay(POLL_MS);
    }
  }

  /** The run directory's result as it is now; undefined if there is none yet. */
  result() {
    try {
      return JSON.parse(readFileSync(join(this.out, 'result.json'), 'utf8'));
    } catch (error) {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** What it printed. */
  document() {
    return JSON.parse(this.stdout);
  }

  /** All that runs of it, except itself. */
  processes() {
    return processesWith(MARK, this.#mark).filter(({ pid }) => pid !== this.pid);
  }

  /** Process ids of its node processes by number, those that there are. */
  nodes() {
    const pids = [];
    for (const { pid, env } of this.processes()) if (env.KMEMLAB_NODE) pids[Number(env.KMEMLAB_NODE)] = pid;
    return pids;
  }

  /** Process id of node n, when it runs. */
  node(n) {
    return this.until(`node ${n} runs`, () => this.nodes()[n]);
  }

  /** Process id of the nats-server that it has started. */
  broker() {
    const isServer = ({ name }) => name === 'nats-server';
    return this.until('there is a broker', () => this.processes().find(isServer)?.pid);
  }

  /** Wait until the experiment is under way: the machine has booted, and some caches have been created. */
  underWay(kicks = 1) {
    return this.until('caches are created', () => {
      const result = this.result();
      return result?.phases.boot !== undefined && result.counters.calls.kick_all_cpus_sync >= kicks;
    });
  }

  /** Ctrl-C: the terminal signals the whole process group. */
  interrupt() {
    signal(-this.pid, 'SIGINT');
  }

  /** Wait until no process is left of it. Those that still run in the end. */
  async survivors(deadlineMs = GONE_MS) {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const left = this.processes();
      if (left.length === 0 || performance.now() > end) return left.map(({ name, pid }) => `${name} (${pid})`);
      await delay(POLL_MS);
    }
  }

  /** End whatever is left of it, and remove what it wrote. */
  dispose() {
    if (!this.hasEnded) signal(this.pid, 'SIGKILL');
    for (const { pid } of this.processes()) signal(pid, 'SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
    for (const work of this.#afterwards.splice(0)) work();
  }

  /** Something to do when it is disposed of. */
  afterwards(work) {
    this.#afterwards.push(work);
  }

  #state() {
    const ended = this.hasEnded ? `ended with ${this.status}` : 'running';
    return `${ended}; stderr: ${this.stderr.trim() || 'nothing'}; ${
      this.stdout
        .slice(0, 20000)
        .match(/"(outcome|kind|class|detail|function|time)": .*/g)
        ?.join(' ') ?? ''
    }`;
  }
}
