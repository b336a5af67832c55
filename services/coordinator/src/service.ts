import { hostname } from 'node:os';
import { announceService, SERVICE_GROUP, SUBMIT_SUBJECT } from '@kmemlab/coordinator';
import { resolveScenario, type Scenario } from '@kmemlab/experiments';
import type { Bus } from '@kmemlab/machine-live';
import type { Failure } from '@kmemlab/results';
import { oneLine } from '@kmemlab/results';
import { type Order, readOrder } from './orders.js';
import { Outbox } from './outbox.js';
import { type Job, type RunSite, runJob } from './run-job.js';

/** Orders that may wait while another runs. */
export const MOST_WAITING = 16;

export interface ServiceOptions {
  readonly bus: Bus;
  readonly site: RunSite;
  /** Takes one line about what becomes of an order. */
  readonly log: (line: string) => void;
}

interface Waiting extends Job {
  readonly outbox: Outbox;
}

const STOPPING = 'the service is stopping; send the order again when it is back';

/**
 * Takes orders from the server and runs them one at a time, in the order in which they arrive. Every order with an id
 * gets its answers on the subjects of that id.
 */
export class CoordinatorService {
  private readonly waiting: Waiting[] = [];
  /** Of all orders that are checked, wait or run. */
  private readonly ids = new Set<string>();
  private readonly stopping = new AbortController();
  /** Orders that are being checked. */
  private readonly checks = new Set<Promise<void>>();
  private readonly leave: () => Promise<void>;
  private readonly hide: () => void;
  private running: Promise<void> | undefined;

  constructor(private readonly options: ServiceOptions) {
    this.leave = options.bus.share(SUBMIT_SUBJECT, SERVICE_GROUP, (data) => this.receive(data));
    this.hide = announceService(options.bus, () => ({
      host: hostname(),
      pid: process.pid,
      running: this.running !== undefined,
      waiting: this.waiting.length,
    }));
  }

  /**
   * Take no more orders, refuse those that wait, are being checked or were on their way, and interrupt the run in hand.
   * Resolves when its result is kept and all answers are handed to the server. Only the first call's failure counts.
   * @param failure what the run has failed with; without it, it is incomplete
   */
  async stop(failure?: Failure): Promise<void> {
    this.stopping.abort(failure);
    this.hide();
    for (const { id, outbox } of this.waiting.splice(0)) this.refuse(id, outbox, STOPPING);
    await this.leave();
    await Promise.all([...this.checks, this.running]);
  }

  private receive(data: Uint8Array): void {
    const order = readOrder(data);
    if ('request' in order) this.check(order);
    else if (order.id === undefined) this.options.log(`an order was left out: ${order.reason}`);
    else if (this.ids.has(order.id)) this.logRepeated(order.id);
    else this.turnAway(order.id, order.reason);
  }

  private check(order: Order): void {
    const check = this.take(order).finally(() => this.checks.delete(check));
    this.checks.add(check);
  }

  /** Check an order and line it up. Never rejects. */
  private async take({ id, request }: Order): Promise<void> {
    // An answer would be taken for the one to the order that came first.
    if (this.ids.has(id)) return this.logRepeated(id);
    if (this.stopping.signal.aborted) return this.turnAway(id, STOPPING);
    const running = this.running === undefined ? 0 : 1;
    if (this.ids.size >= MOST_WAITING + running) {
      return this.turnAway(id, `${MOST_WAITING} orders are waiting already; send it again when one has ended`);
    }
    const outbox = new Outbox(this.options.bus, id);
    this.ids.add(id);
    let scenario: Scenario;
    try {
      scenario = await resolveScenario(request);
    } catch (error) {
      return this.refuse(id, outbox, oneLine(error));
    }
    if (this.stopping.signal.aborted) return this.refuse(id, outbox, STOPPING);
    if (scenario.engine !== 'live') {
      return this.refuse(
        id,
        outbox,
        'only the live machine runs here; leave engine, strategy and checkDeterminism out',
      );
    }
    outbox.progress({ state: 'queued', before: this.waiting.length + (this.running === undefined ? 0 : 1) });
    this.waiting.push({ id, scenario, outbox });
    this.running ??= this.runAll();
  }

  /** Run what waits, until nothing does. Never rejects. */
  private async runAll(): Promise<void> {
    for (let job = this.waiting.shift(); job !== undefined; job = this.waiting.shift()) await this.run(job);
    this.running = undefined;
  }

  private async run({ outbox, ...job }: Waiting): Promise<void> {
    const { id, scenario } = job;
    const { experiment, kernel, nodes, cpusPerNode } = scenario;
    this.options.log(`order ${id}: runs ${experiment} on ${kernel}, ${nodes}x${cpusPerNode}`);
    try {
      const { result, directory } = await runJob(job, this.options.site, {
        signal: this.stopping.signal,
        onProgress: (progress) => outbox.progress({ state: 'running', ...progress }),
      });
      this.ids.delete(id);
      outbox.result(result, directory);
      const { outcome, failure } = result;
      this.options.log(
        `order ${id}: ${outcome}${failure ? ` (${failure.kind}: ${oneLine(failure.detail)})` : ''}, ${directory}`,
      );
    } catch (error) {
      this.refuse(id, outbox, oneLine(error));
    }
  }

  private refuse(id: string, outbox: Outbox, reason: string): void {
    this.ids.delete(id);
    outbox.refused(reason);
    this.options.log(`order ${id}: refused: ${reason}`);
  }

  /** Refuse an order that was not taken. */
  private turnAway(id: string, reason: string): void {
    new Outbox(this.options.bus, id).refused(reason);
    this.options.log(`order ${id}: refused: ${reason}`);
  }

  private logRepeated(id: string): void {
    this.options.log(`order ${id} was left out: one with that id is under way`);
  }
}
