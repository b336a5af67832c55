import { type Bus, ControlChannel, connectBus, Silence, within } from '@kmemlab/machine-live';
import { type Failure, type HostPairs, RunFailed } from '@kmemlab/results';
import { type Broker, credentialsOf, type Environment } from './broker/types.js';
import { findProgram } from './host/find-program.js';
import { InputProblem } from './input-problem.js';
import { checkLimits } from './limits.js';
import { LocalNodes } from './nodes/local-nodes.js';
import { RegisteredNodes } from './nodes/registered-nodes.js';
import { type NodeExit, type NodeOwner, NodeStatus } from './nodes/types.js';
import {
  ALIVE_MS,
  Calls,
  Events,
  failureFrom,
  isNodeHello,
  type NodeConfigure,
  type NodeHello,
  type RoundTripsOrder,
  STOP_MS,
} from './protocol.js';
import { discover, freeOnes, selectFree } from './registry/discover.js';
import type { Registration } from './registry/messages.js';
import { roundsPerPair } from './round-trips.js';
import { markClock } from './run-clock.js';

export interface CoordinatorOptions {
  /** Name of the run; part of every subject. */
  readonly run: string;
  readonly nodes: number;
  readonly cpusPerNode: number;
  /** What every node gets with `configure`; plain data. */
  readonly payload: unknown;
  /** Stays the caller's, who closes it after `stop`. */
  readonly broker: Broker;
  /** Path of the program that every node process runs. */
  readonly nodeProgram: string;
  /** Environment of the node processes. */
  readonly env: Environment;
  /** Place each node on a core: on this computer round and round, registered ones each on one of its own. Refused without `taskset`. */
  readonly pin: boolean;
  /** For a node to say hello, and again to get ready; ms. */
  readonly startDeadlineMs: number;
  /** A node or a link that is silent for longer fails the run; ms. */
  readonly linkDeadlineMs: number;
  /** Aborting ends a start that is not finished; afterwards it is the caller's to call `stop`. */
  readonly signal?: AbortSignal;
}

/** From the order to stop to SIGTERM see `STOP_MS`; from there to SIGKILL; from there to giving up on a remote node. */
const TERMINATE_MS = 1_000;
const KILL_MS = 2_000;

/** Nodes wait longer for the coordinator than it for them, so that it is the one who says what went wrong. */
const COORDINATOR_PATIENCE = 2;

/** Node processes of a run: started, watched, spoken to, stopped. */
export class Coordinator {
  /** The first thing that went wrong; pending as long as nothing does. Never rejects. */
  readonly failure: Promise<Failure>;
  /** What each node said of itself. */
  readonly hellos: readonly (NodeHello | undefined)[];
  /** Of an idle message from each node (row) to each node (column) and back, ns; null if the nodes are all on this computer. */
  roundTrips: readonly (readonly number[])[] | null = null;
  private readonly channel: ControlChannel;
  private readonly known: (NodeHello | undefined)[];
  private readonly silences: Silence[] = [];
  private readonly gone = new Set<number>();
  private readonly aliveTimer: NodeJS.Timeout;
  private failed: Failure | undefined;
  private announce: (failure: Failure) => void = () => {};
  private onHello: () => void = () => {};
  private helloTimer: NodeJS.Timeout | undefined;
  private stopping: Promise<void> | undefined;

  /**
   * Start the node processes of a run, on this computer or with nodes registered on the given server, and resolve when
   * all are ready and told to begin. Whatever goes wrong, nothing is left running.
   * Throws an InputProblem for what the user can mend, a {@link RunFailed} for everything else.
   */
  static async start(options: CoordinatorOptions): Promise<Coordinator> {
    const bus = await connect(options.broker);
    let coordinator: Coordinator;
    try {
      coordinator = new Coordinator(options, bus, await ownerFor(options, bus));
    } catch (error) {
      await bus.close();
      throw error;
    }
    try {
      await coordinator.startNodes();
      return coordinator;
    } catch (error) {
      await coordinator.stop();
      throw error;
    }
  }

  /**
   * What an idle message from each free registered node to each other one and back takes; null if fewer than two are registered on
   * the server. Each starts a node process for as long as that. Rejects like {@link start}.
   */
  static async measure(
    options: Omit<CoordinatorOptions, 'nodes' | 'cpusPerNode' | 'payload'>,
  ): Promise<HostPairs | null> {
    const bus = await connect(options.broker);
    let members: readonly Registration[] = [];
    try {
      members = (await discover(bus, freeOnes(2))).filter(({ busy }) => !busy);
    } finally {
      if (members.length < 2) await bus.close();
    }
    if (members.length < 2) return null;
    const owner = new RegisteredNodes({ bus, members, pin: false });
    const all = { ...options, nodes: members.length, cpusPerNode: 1, payload: null };
    const coordinator = new Coordinator(all, bus, owner);
    try {
      await coordinator.assemble();
      const roundTripNs = await coordinator.orEnd(coordinator.measureRoundTrips());
      return { names: members.map(({ name }) => name), roundTripNs };
    } finally {
      await coordinator.stop();
    }
  }

  private constructor(
    private readonly options: CoordinatorOptions,
    private readonly bus: Bus,
    private readonly owner: NodeOwner,
  ) {
    this.failure = new Promise((resolve) => {
      this.announce = resolve;
    });
    this.known = new Array<NodeHello | undefined>(options.nodes).fill(undefined);
    this.hellos = this.known;
    this.channel = new ControlChannel({ bus, run: options.run, self: 'coordinator' });
    this.listen();
    this.aliveTimer = setInterval(() => this.event('all', Events.alive, null), ALIVE_MS);
    this.aliveTimer.unref();
  }

  /** Ask a node. Rejects with a RunFailed if the run has failed or fails meanwhile, else like `ControlChannel.call`. */
  async call(node: number, name: string, payload: unknown, deadlineMs: number): Promise<unknown> {
    if (this.failed !== undefined) throw new RunFailed(this.failed);
    try {
      return await this.channel.call(node, name, payload, deadlineMs);
    } catch (error) {
      throw this.failed === undefined ? error : new RunFailed(this.failed);
    }
  }

  /** Ask every node the same; the answers by node. Rejects like {@link call}. */
  all(name: string, payload: unknown, deadlineMs: number): Promise<unknown[]> {
    return Promise.all(this.known.map((_, node) => this.call(node, name, payload, deadlineMs)));
  }

  /** Tell a node, or all of them. */
  event(to: number | 'all', name: string, payload: unknown): void {
    if (to !== 'all') this.channel.event(to, name, payload);
    else for (let node = 0; node < this.options.nodes; node++) this.channel.event(node, name, payload);
  }

  /** Hear events of this name. An exception in the listener is a failure of the run. */
  onEvent(name: string, listener: (payload: unknown, node: number) => void): void {
    this.channel.onEvent(name, (payload, from) => {
      if (typeof from !== 'number' || from >= this.options.nodes) return;
      try {
        listener(payload, from);
      } catch (error) {
        this.fail({ kind: 'internal', detail: error instanceof Error ? error.message : String(error) });
      }
    });
  }

  /** Stop all nodes: first in words, then by SIGTERM, then by SIGKILL. Leaves no process. May be called again. */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  /** Which process a node is, for people. */
  describeNode(node: number): string {
    return `node ${node} (${this.owner.describe(node)})`;
  }

  private listen(): void {
    this.bus.onLost((reason) =>
      this.fail({ kind: 'broker-lost', detail: `the connection to the broker was lost: ${reason}` }),
    );
    this.channel.onHeard((from) => {
      if (typeof from === 'number') this.silences[from]?.heard();
    });
    this.owner.onExit((node, exit) => this.exited(node, exit));
    this.onEvent(Events.failed, (payload, node) => this.fail(failureFrom(payload, node)));
    this.onEvent(Events.hello, (payload, node) => {
      if (isNodeHello(payload)) this.known[node] = payload;
      this.onHello();
    });
  }

  private fail(failure: Failure): void {
    if (this.failed !== undefined || this.stopping !== undefined) return;
    this.failed = failure;
    this.channel.rejectPending(new RunFailed(failure));
    this.announce(failure);
  }

  private exited(node: number, { code, signal, lastLine }: NodeExit): void {
    this.gone.add(node);
    const who = this.describeNode(node);
    if (code === NodeStatus.brokerLost) {
      this.fail({ kind: 'broker-lost', detail: `${who} lost its connection to the broker` });
      return;
    }
    const how = signal === null ? `ended with status ${code ?? 'unknown'}` : `was ended by ${signal}`;
    this.fail({ kind: 'node-died', detail: `${who} ${how}${lastLine === '' ? '' : `: ${lastLine}`}` });
  }

  private async startNodes(): Promise<void> {
    const { nodes, startDeadlineMs } = this.options;
    await this.assemble();
    if (this.owner.remote && nodes > 1) this.roundTrips = await this.orEnd(this.measureRoundTrips());
    await this.orEnd(this.configure(startDeadlineMs));
    this.watch();
    await this.orEnd(this.all(Calls.begin, null, startDeadlineMs));
  }

  /** Start the node processes; resolves when all have said hello. */
  private async assemble(): Promise<void> {
    const { run, nodes, cpusPerNode, startDeadlineMs } = this.options;
    await this.orEnd(this.bus.flush());
    await this.orEnd(this.owner.start({ run, nodes, cpusPerNode }));
    const silent = await this.orEnd(this.awaitHellos(startDeadlineMs));
    if (silent !== undefined)
      throw this.silentAtStart(silent, `said nothing within ${startDeadlineMs} ms of its start`);
  }

  /** What the promise resolves to, unless the run fails or is interrupted before. */
  private async orEnd<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.options;
    let interrupt: () => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      interrupt = () => reject(new RunFailed({ kind: 'interrupted', detail: 'while the nodes were being started' }));
      void this.failure.then((failure) => reject(new RunFailed(failure)));
      if (signal?.aborted) interrupt();
      else signal?.addEventListener('abort', interrupt, { once: true });
    });
    // Whichever loses the race may reject later.
    work.catch(() => {});
    try {
      return await Promise.race([work, ended]);
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
  }

  /** Resolves when every node has said hello; at the deadline, to the first that has not. */
  private awaitHellos(deadlineMs: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const first = () => {
        const missing = this.known.indexOf(undefined);
        return missing === -1 ? undefined : missing;
      };
      this.helloTimer = setTimeout(() => resolve(first()), deadlineMs);
      this.onHello = () => {
        if (first() !== undefined) return;
        clearTimeout(this.helloTimer);
        resolve(undefined);
      };
      this.onHello();
    });
  }

  private silentAtStart(node: number, what: string): RunFailed {
    const line = this.owner.lastLine(node);
    const detail = `${this.describeNode(node)} ${what}${line === '' ? '' : `; last: ${line}`}`;
    this.fail({ kind: 'node-silent', detail });
    return new RunFailed({ kind: 'node-silent', detail });
  }

  /** One node after the other, so that they do not disturb each other. */
  private async measureRoundTrips(): Promise<number[][]> {
    const { nodes, startDeadlineMs, linkDeadlineMs } = this.options;
    const all = this.known.map((_, node) => node);
    const table: number[][] = [];
    for (const from of all) {
      const peers = all.filter((node) => node !== from);
      const order: RoundTripsOrder = { peers, rounds: roundsPerPair(nodes), deadlineMs: linkDeadlineMs };
      const answer = (await this.call(from, Calls.roundTrips, order, startDeadlineMs)) as readonly number[];
      table.push(all.map((node) => (node === from ? 0 : Number(answer[peers.indexOf(node)] ?? 0))));
    }
    return table;
  }

  private async configure(deadlineMs: number): Promise<void> {
    const { run, nodes, cpusPerNode, linkDeadlineMs, payload } = this.options;
    const coordinatorDeadlineMs = Math.max(COORDINATOR_PATIENCE * linkDeadlineMs, 4 * ALIVE_MS);
    const common = { run, nodes, cpusPerNode, linkDeadlineMs, coordinatorDeadlineMs, clock: markClock(), payload };
    await Promise.all(
      this.known.map(async (_, index) => {
        const message: NodeConfigure = { ...common, index };
        try {
          await this.call(index, Calls.configure, message, deadlineMs);
        } catch (error) {
          throw this.notReady(index, error, deadlineMs);
        }
      }),
    );
  }

  private notReady(node: number, error: unknown, deadlineMs: number): Error {
    if (isDeadline(error)) return this.silentAtStart(node, `was not ready within ${deadlineMs} ms`);
    if (error instanceof RunFailed) return error;
    const detail = error instanceof Error ? error.message : String(error);
    this.fail({ kind: 'internal', detail });
    return new RunFailed(this.failed ?? { kind: 'internal', detail });
  }

  /** From now on every node must be heard of again and again. */
  private watch(): void {
    const deadlineMs = Math.max(this.options.linkDeadlineMs, 3 * ALIVE_MS);
    for (let node = 0; node < this.options.nodes; node++) {
      const onSilent = (ms: number) =>
        this.fail({ kind: 'transport-lost', detail: `${this.describeNode(node)} has been silent for ${ms} ms` });
      const silence = new Silence({ everyMs: ALIVE_MS, deadlineMs, onTick: () => {}, onSilent });
      silence.start();
      this.silences.push(silence);
    }
  }

  private async shutDown(): Promise<void> {
    clearTimeout(this.helloTimer);
    for (const silence of this.silences) silence.stop();
    this.channel.rejectPending(new Error('the run is being stopped'));
    await this.endNodes();
    clearInterval(this.aliveTimer);
    this.channel.close();
    await this.bus.close();
  }

  private async endNodes(): Promise<void> {
    const remaining = () => this.known.map((_, node) => node).filter((node) => !this.gone.has(node));
    const lost = this.failed?.kind === 'broker-lost';
    for (const node of remaining()) {
      if (lost || this.known[node] === undefined) this.owner.terminate(node);
      else this.channel.call(node, Calls.stop, null, STOP_MS).catch(() => {});
    }
    if (await this.allExitWithin(STOP_MS)) return;
    for (const node of remaining()) this.owner.terminate(node);
    if (await this.allExitWithin(TERMINATE_MS)) return;
    for (const node of remaining()) this.owner.kill(node);
    await this.allExitWithin(KILL_MS);
  }

  private allExitWithin(ms: number): Promise<boolean> {
    return within(
      ms,
      this.owner.allExited.then(() => true),
      () => false,
    );
  }
}

async function connect(broker: Broker): Promise<Bus> {
  const { kind, url, describe } = broker;
  try {
    return await connectBus({ url, ...credentialsOf(broker), name: 'kmemlab-coordinator' });
  } catch (error) {
    const why = `${describe}: ${error instanceof Error ? error.message : String(error)}`;
    if (kind === 'given') throw new InputProblem(`${why}; check --nats (or KMEMLAB_NATS_URL) and the server`);
    throw new RunFailed({ kind: 'broker-lost', detail: why });
  }
}

/** Nodes registered on the server that the user named, if there are any; else processes on this computer. */
async function ownerFor(options: CoordinatorOptions, bus: Bus): Promise<NodeOwner> {
  const { broker, nodes, cpusPerNode, pin, nodeProgram, env } = options;
  const registered = broker.kind === 'given' ? await discover(bus, freeOnes(nodes)) : [];
  if (registered.length > 0)
    return new RegisteredNodes({ bus, members: selectFree(registered, nodes, bus.server), pin });
  const problem = checkLimits({ nodes, cpusPerNode });
  if (problem !== null) throw new InputProblem(problem);
  if (pin && findProgram('taskset', env) === undefined)
    throw new InputProblem('--pin: no taskset on PATH; install it or leave --pin out');
  return new LocalNodes({ broker, program: nodeProgram, env, pin });
}

const isDeadline = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ControlError' && 'kind' in error && error.kind === 'deadline';
