import { randomUUID } from 'node:crypto';
import type { Bus } from '@kmemlab/machine-live';
import { InputProblem } from '../input-problem.js';
import {
  type ClaimAnswer,
  claimSubject,
  decodeClaimAnswer,
  decodeExit,
  encode,
  endSubject,
  exitSubject,
  inboxSubject,
  type Registration,
} from '../registry/messages.js';
import { coresFor } from './seats.js';
import type { NodeExit, NodeOrder, NodeOwner } from './types.js';

const CLAIM_DEADLINE_MS = 3_000;

export interface RegisteredNodesOptions {
  readonly bus: Bus;
  /** One for each node of the run, in order. */
  readonly members: readonly Registration[];
  /** Place each on a core of its own. */
  readonly pin: boolean;
}

/** Node processes that nodes registered on the server start for us. */
export class RegisteredNodes implements NodeOwner {
  readonly remote = true;
  readonly allExited: Promise<void>;
  private allEnded: () => void = () => {};
  private readonly listeners: ((node: number, exit: NodeExit) => void)[] = [];
  private readonly pids = new Map<number, number>();
  private readonly running = new Set<number>();
  private readonly lastLines = new Map<number, string>();
  /** Of each node, if they are placed. */
  private readonly cores: readonly number[];
  private run = '';

  /** @throws InputProblem if there is no core for each */
  constructor(private readonly options: RegisteredNodesOptions) {
    this.cores = options.pin ? coresFor(options.members) : [];
    this.allExited = new Promise((resolve) => {
      this.allEnded = resolve;
    });
  }

  async start({ run, cpusPerNode }: NodeOrder): Promise<void> {
    this.run = run;
    const { bus, members } = this.options;
    const { cores } = this;
    bus.subscribe(exitSubject(run), (data) => {
      const report = decodeExit(data);
      if (report !== undefined) this.ended(report.node, report);
    });
    await bus.flush();
    const answers = await Promise.all(
      members.map((member, node) =>
        // An exit may be reported right behind the claim's answer.
        claim(bus, member, { run, node, cpusPerNode, core: cores[node] ?? -1 }, (pid) => {
          this.pids.set(node, pid);
          this.running.add(node);
        }),
      ),
    );
    const refused = answers.findIndex((answer) => 'refused' in answer);
    const answer = answers[refused];
    if (answer === undefined || !('refused' in answer)) return;
    for (const node of this.running) this.kill(node);
    if (this.running.size === 0) this.allEnded();
    throw new InputProblem(`node ${members[refused]?.name} at ${bus.server} did not take part: ${answer.refused}`);
  }

  describe(node: number): string {
    return `pid ${this.pids.get(node) ?? 'unknown'} on ${this.options.members[node]?.host ?? 'unknown'}`;
  }

  lastLine(node: number): string {
    return this.lastLines.get(node) ?? '';
  }

  onExit(listener: (node: number, exit: NodeExit) => void): void {
    this.listeners.push(listener);
  }

  terminate(node: number): void {
    this.end(node, false);
  }

  kill(node: number): void {
    this.end(node, true);
  }

  private end(node: number, kill: boolean): void {
    const id = this.options.members[node]?.id;
    if (id !== undefined) this.options.bus.publish(endSubject(id), encode({ run: this.run, kill }));
  }

  private ended(node: number, exit: NodeExit): void {
    if (!this.running.delete(node)) return;
    this.lastLines.set(node, exit.lastLine);
    for (const listener of this.listeners) listener(node, exit);
    if (this.running.size === 0) this.allEnded();
  }
}

/** Ask a registered node to take part. Nobody else hears the answer. `joins` is called as soon as it does. */
function claim(
  bus: Bus,
  { id }: Registration,
  part: { readonly run: string; readonly node: number; readonly cpusPerNode: number; readonly core: number },
  joins: (pid: number) => void,
): Promise<ClaimAnswer> {
  return new Promise((resolve) => {
    const reply = inboxSubject(randomUUID());
    const settle = (answer: ClaimAnswer) => {
      clearTimeout(timer);
      unsubscribe();
      resolve(answer);
    };
    const late = () => settle({ id, refused: `no answer within ${CLAIM_DEADLINE_MS} ms` });
    const timer = setTimeout(late, CLAIM_DEADLINE_MS);
    const unsubscribe = bus.subscribe(reply, (data) => {
      const answer = decodeClaimAnswer(data);
      if (answer === undefined) return;
      if ('pid' in answer) joins(answer.pid);
      settle(answer);
    });
    bus.publish(claimSubject(id), encode({ ...part, reply }));
  });
}
