import { hostname } from 'node:os';
import {
  ALIVE_MS,
  Calls,
  Events,
  type Failure,
  isNodeConfigure,
  type NodeConfigure,
  NodeStatus,
  STOP_MS,
  serveRoundTrips,
  UNCONFIGURED_DEADLINE_MS,
} from '@kmemlab/coordinator';
import { type Bus, ControlChannel, LinkSet, Silence } from '@kmemlab/machine-live';
import type { Part, PartContext } from './types.js';

export interface NodeProcessOptions {
  readonly bus: Bus;
  readonly run: string;
  readonly node: number;
  readonly pid: number;
  readonly cores: number;
  /** Resolves when this node is ready to begin. */
  readonly startPart: (context: PartContext) => Promise<Part>;
  /** Called once, when everything has stopped. */
  readonly onEnd: (status: number) => void;
  /** Called instead if stopping takes too long: whatever still runs must be ended by force. */
  readonly onStuck: () => void;
}

/**
 * The life of a node process: says hello, is configured, makes the links, runs its part of the experiment, and stops when
 * it is told to, when the coordinator falls silent, or when the broker is gone.
 */
export class NodeProcess {
  private readonly control: ControlChannel;
  private silence: Silence;
  private links: LinkSet | undefined;
  private part: Part | undefined;
  private ending = false;
  private failed = false;

  constructor(private readonly options: NodeProcessOptions) {
    const { bus, run, node } = options;
    this.control = new ControlChannel({ bus, run, self: node });
    this.control.serve(Calls.configure, (payload) => this.configure(payload));
    serveRoundTrips(this.control);
    this.control.serve(Calls.begin, () => this.begin());
    this.control.serve(Calls.stop, () => this.end(NodeStatus.stopped));
    this.control.onHeard((from) => {
      if (from === 'coordinator') this.silence.heard();
    });
    this.silence = this.expectCoordinator(UNCONFIGURED_DEADLINE_MS);
    bus.onLost(() => this.end(NodeStatus.brokerLost));
  }

  /** Tell the coordinator that this node is there. */
  async hello(): Promise<void> {
    await this.options.bus.flush();
    const { pid, cores } = this.options;
    this.control.event('coordinator', Events.hello, { pid, host: hostname(), cores });
  }

  /** Report the first failure; it ends the run. The process lives on until it is told to stop. */
  readonly fail = (failure: Failure): void => {
    if (this.failed || this.ending) return;
    this.failed = true;
    this.control.event('coordinator', Events.failed, { kind: failure.kind, detail: failure.detail });
  };

  /** Stop, and then end with this status; does not wait for it. Only the first call counts. */
  end(status: number): void {
    if (this.ending) return;
    this.ending = true;
    this.silence.stop();
    const stuck = setTimeout(this.options.onStuck, STOP_MS);
    void this.shutDown().finally(() => {
      clearTimeout(stuck);
      this.options.onEnd(status);
    });
  }

  private expectCoordinator(deadlineMs: number): Silence {
    const silence = new Silence({
      everyMs: ALIVE_MS,
      deadlineMs,
      onTick: () => this.control.event('coordinator', Events.alive, null),
      onSilent: () => this.end(NodeStatus.abandoned),
    });
    silence.start();
    return silence;
  }

  private async configure(payload: unknown): Promise<null> {
    if (!isNodeConfigure(payload) || payload.index !== this.options.node)
      throw new TypeError('the order to configure is not for this node, or malformed');
    if (this.links !== undefined) throw new TypeError('this node has been configured');
    this.silence.stop();
    this.silence = this.expectCoordinator(payload.coordinatorDeadlineMs);
    this.links = this.makeLinks(payload);
    const { control, fail } = this;
    this.part = await this.options.startPart({ configure: payload, links: this.links.links, control, fail });
    // Whoever begins to send must find us listening.
    await this.options.bus.flush();
    return null;
  }

  private makeLinks({ run, index, nodes, linkDeadlineMs }: NodeConfigure): LinkSet {
    return new LinkSet({
      bus: this.options.bus,
      run,
      self: index,
      peers: Array.from({ length: nodes }, (_, node) => node).filter((node) => node !== index),
      deadlineMs: linkDeadlineMs,
      onMessage: (message, from) => this.receive(message, from),
      onLost: (reason) => this.fail({ kind: 'transport-lost', detail: `node ${index}: ${reason}` }),
    });
  }

  /** An exception must not reach the transport, which would take it for a loss of its own. */
  private receive(message: Uint8Array, from: number): void {
    try {
      this.part?.receive(message, from);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.fail({ kind: 'internal', detail: `node ${this.options.node}, a message from node ${from}: ${detail}` });
    }
  }

  private begin(): null {
    this.links?.start();
    return null;
  }

  private async shutDown(): Promise<void> {
    try {
      await this.part?.stop();
    } finally {
      this.links?.close();
      this.control.close();
      await this.options.bus.close();
    }
  }
}
