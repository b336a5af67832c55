import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Bus } from '@kmemlab/machine-live';
import { type Credentials, credentialsOf, type Environment } from '../broker/types.js';
import { allowedCores } from '../host/cores.js';
import { findProgram } from '../host/find-program.js';
import { machineName } from '../host/machine-name.js';
import { readResources } from '../host/resources.js';
import { checkLimits } from '../limits.js';
import { NodeChild } from '../nodes/child.js';
import {
  type Claim,
  claimSubject,
  decodeClaim,
  decodeEnd,
  decodeQuery,
  encode,
  endSubject,
  exitSubject,
  QUERY_SUBJECT,
  type Registration,
} from './messages.js';

const TERMINATE_DEADLINE_MS = 3_000;

export interface NodeDaemonOptions extends Credentials {
  readonly bus: Bus;
  readonly url: string;
  /** What people call this node. */
  readonly name: string;
  /** Path of the program that a node runs. */
  readonly program: string;
  readonly env: Environment;
  /** Cores that it says it has; those that it may run on if absent. */
  readonly cores?: number;
}

/**
 * A node registered on a NATS server: it takes part in one run at a time, with one node process, which it starts when a
 * run claims it and ends when the run says so or the daemon ends.
 */
export class NodeDaemon {
  readonly id = randomUUID();
  private current: { readonly claim: Claim; readonly child: NodeChild } | undefined;
  private readonly unsubscribe: (() => void)[];

  constructor(private readonly options: NodeDaemonOptions) {
    const { bus } = options;
    this.unsubscribe = [
      bus.subscribe(QUERY_SUBJECT, (data) => {
        const query = decodeQuery(data);
        if (query !== undefined) bus.publish(query.reply, encode(this.registration));
      }),
      bus.subscribe(claimSubject(this.id), (data) => {
        const claim = decodeClaim(data);
        if (claim !== undefined) this.answer(claim);
      }),
      bus.subscribe(endSubject(this.id), (data) => {
        const order = decodeEnd(data);
        if (order === undefined || order.run !== this.current?.claim.run) return;
        if (order.kill) this.current.child.kill();
        else this.current.child.terminate();
      }),
    ];
  }

  /** What it tells whoever looks for nodes. */
  get registration(): Registration {
    const { name, cores, env } = this.options;
    const allowed = allowedCores();
    return {
      id: this.id,
      name,
      host: hostname(),
      pid: process.pid,
      cores: cores ?? allowed.length,
      coreList: allowed.join(','),
      machine: machineName(),
      pins: findProgram('taskset', env) !== undefined,
      memory: readResources().memory,
      busy: this.current !== undefined,
    };
  }

  /** Offer nothing more, and end the node process if there is one. */
  async close(): Promise<void> {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    const child = this.current?.child;
    if (child === undefined) return;
    child.terminate();
    const timer = setTimeout(() => child.kill(), TERMINATE_DEADLINE_MS);
    await child.exited;
    clearTimeout(timer);
  }

  private answer(claim: Claim): void {
    const { id } = this;
    const refused = this.reasonToRefuse(claim);
    const answer = refused === null ? { id, pid: this.takePart(claim) } : { id, refused };
    this.options.bus.publish(claim.reply, encode(answer));
  }

  private reasonToRefuse({ cpusPerNode }: Claim): string | null {
    if (this.current !== undefined) return `it works for run ${this.current.claim.run}`;
    return checkLimits({ nodes: 1, cpusPerNode });
  }

  private takePart(claim: Claim): number {
    const { bus, url, program, env } = this.options;
    const about = { url, ...credentialsOf(this.options), run: claim.run, node: claim.node };
    const child = new NodeChild({ program, env, about, ...(claim.core >= 0 && { core: claim.core }) });
    this.current = { claim, child };
    void child.exited.then((exit) => {
      this.current = undefined;
      bus.publish(exitSubject(claim.run), encode({ node: claim.node, ...exit }));
    });
    return child.pid;
  }
}
