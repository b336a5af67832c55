import type { MachineWaits } from '@kmemlab/checker';
import type { NodeInventory } from '@kmemlab/kernel';
import type { CpuDump, NodeReport, Quiet } from '@kmemlab/machine-live';
import type { z } from 'zod';
import type { Cluster } from './cluster.js';
import { checked, schemas } from './live-messages.js';
import { RunEnded } from './run-ended.js';
import type { RunSignal } from './run-signal.js';

/** A lost node or broker may first show as a call that fails: how long to wait for the real reason, ms. */
const REASON_MS = 3000;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const kindOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'kind' in error ? error.kind : undefined;

/** True if a node did not answer a call in time. */
export const isDeadline = (error: unknown): boolean => error instanceof RunEnded && error.kind === 'node-silent';

/** The nodes' labs, as typed calls. Each rejects with RunEnded if the run ends, or if the call does not succeed. */
export class LiveNodes {
  private heldAt = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly signal: RunSignal,
    private readonly deadlineMs: number,
  ) {}

  async ready(): Promise<void> {
    await this.all('ready', null);
  }

  async boot(node: number): Promise<void> {
    await this.guard(this.cluster.call(node, 'boot', null, this.deadlineMs));
  }

  /** Start a lab call: all nodes have come to it, and its program has been started, when this resolves. */
  async begin(number: number): Promise<void> {
    await this.all('begin', { number });
  }

  async end(number: number, value: unknown): Promise<void> {
    await this.all('end', { number, value });
  }

  async hold(): Promise<void> {
    this.heldAt = Math.max(...(await this.checkedAll('hold', null, schemas.time)));
  }

  /** All clocks go on from the time at which the last node came to a stand; each is told the same, so they still agree. */
  async resume(): Promise<void> {
    const bare = Math.max(...(await this.checkedAll('bareTime', null, schemas.time)));
    await this.all('resume', { skipped: bare - this.heldAt });
  }

  quiet(): Promise<Quiet[]> {
    return this.checkedAll('quiet', null, schemas.quiet);
  }

  report(mark: boolean): Promise<NodeReport[]> {
    return this.checkedAll('report', { mark }, schemas.report);
  }

  inventory(): Promise<NodeInventory[]> {
    return this.checkedAll('inventory', null, schemas.inventory);
  }

  /** Where the CPUs are, of the nodes that answer. */
  async dump(deadlineMs: number, nodes: number): Promise<CpuDump[]> {
    const ask = async (node: number) =>
      checked(schemas.dump, await this.cluster.call(node, 'dump', null, deadlineMs), `the dump of node ${node}`);
    const answers = await Promise.allSettled(Array.from({ length: nodes }, (_, node) => ask(node)));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  }

  /** Who waits for whom on the whole machine; undefined if a node does not say. */
  async waits(deadlineMs: number, nodes: number): Promise<MachineWaits | undefined> {
    const ask = async (node: number) =>
      checked(schemas.waits, await this.cluster.call(node, 'waits', null, deadlineMs), `the waits of node ${node}`);
    const answers = await Promise.all(Array.from({ length: nodes }, (_, node) => ask(node))).catch(() => undefined);
    return answers && { cpus: answers.flatMap(({ cpus }) => cpus), nodes: answers.map(({ node }) => node) };
  }

  private async checkedAll<T>(name: string, payload: unknown, schema: z.ZodType<T>): Promise<T[]> {
    const answers = await this.all(name, payload);
    return answers.map((answer, node) => checked(schema, answer, `the answer of node ${node} to "${name}"`));
  }

  private all(name: string, payload: unknown): Promise<unknown[]> {
    return this.guard(this.cluster.all(name, payload, this.deadlineMs));
  }

  private async guard<T>(answer: Promise<T>): Promise<T> {
    try {
      return await this.signal.race(answer);
    } catch (error) {
      if (error instanceof RunEnded) throw error;
      const kind = kindOf(error);
      if (kind === 'deadline') throw new RunEnded('failed', messageOf(error), 'node-silent');
      await this.signal.sleep(REASON_MS);
      throw new RunEnded('failed', messageOf(error), kind === undefined ? undefined : 'transport-lost');
    }
  }
}
