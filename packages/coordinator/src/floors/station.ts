import type { Bus } from '@kmemlab/machine-live';
import type { Credentials } from '../broker/types.js';
import { Line, PAYLOAD_BYTES } from './line.js';
import { type Floor, summarize } from './summary.js';
import { Caller, linesBuffer, startAnswerer } from './threads.js';

/** How often to measure, and for how long at most, in ms of host time. */
export interface Effort {
  readonly rounds: number;
  readonly budgetMs: number;
}

/** Where two stations meet: a broker, and the subject below which they talk. */
export interface Meeting extends Credentials {
  readonly url: string;
  readonly subject: string;
}

/** One thing a station can be told to do. All but `meet` and `answer` measure. */
export type Order =
  | ({ readonly do: 'broadcast'; readonly responders: number } & Effort)
  | ({ readonly do: 'hop' | 'nats' | 'chain' } & Effort)
  | { readonly do: 'meet' | 'answer'; readonly at: Meeting };

/** Waits for the one thing that is under way between two stations. */
class Turn {
  #done: () => void = () => {};

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  done(): void {
    this.#done();
  }
}

/**
 * What one process does to measure floors: its main thread is the node's, its threads are the CPUs. Nothing here ends by
 * itself; the process that holds it is killed.
 */
export class Station {
  readonly #onLost: (reason: string) => void;
  readonly #payload = new Uint8Array(PAYLOAD_BYTES).fill(7);
  readonly #natsTurn = new Turn();
  readonly #chainTurn = new Turn();
  #responders: { readonly caller: Caller; readonly count: number } | undefined;
  #hopCaller: Caller | undefined;
  #chainCaller: Caller | undefined;
  #met: { readonly bus: Bus; readonly subject: string } | undefined;

  /** `onLost` hears why the broker is lost; what waits for it never ends. */
  constructor(onLost: (reason: string) => void) {
    this.#onLost = onLost;
  }

  async obey(order: Order): Promise<Floor | undefined> {
    switch (order.do) {
      case 'broadcast':
        return await this.#broadcast(order.responders, order);
      case 'hop':
        this.#hopCaller ??= await this.#callerOn((line) => line.answer(this.#payload));
        return await this.#timed(this.#hopCaller, order);
      case 'nats':
        return await this.#nats(order);
      case 'chain':
        this.#chainCaller ??= await this.#callerOn((line) => this.#overTheBus(line));
        return await this.#timed(this.#chainCaller, order);
      case 'meet':
        await this.#meet(order.at);
        return undefined;
      case 'answer':
        await this.#answer(order.at);
        return undefined;
    }
  }

  async #timed(caller: Caller, effort: Effort, lines = 1): Promise<Floor> {
    return summarize(await caller.measure({ lines, rounds: effort.rounds, budgetMs: effort.budgetMs }));
  }

  /** A thread wakes `responders` others and waits for them all. The first broadcast should be the widest. */
  async #broadcast(responders: number, effort: Effort): Promise<Floor> {
    if (this.#responders === undefined || this.#responders.count < responders) {
      const buffer = linesBuffer(responders);
      await Promise.all(Array.from({ length: responders }, (_, index) => startAnswerer(buffer, index)));
      this.#responders = { caller: await Caller.start(buffer), count: responders };
    }
    return await this.#timed(this.#responders.caller, effort, responders);
  }

  /** A thread that rings this main thread, which does `work` and so answers. */
  async #callerOn(work: (line: Line) => Promise<void> | void): Promise<Caller> {
    const buffer = linesBuffer(1);
    const line = new Line(buffer);
    const serve = async (): Promise<never> => {
      for (let rings = 0; ; rings++) {
        await line.rung(rings);
        await work(line);
      }
    };
    void serve();
    return await Caller.start(buffer);
  }

  async #overTheBus(line: Line): Promise<void> {
    const { bus, subject } = this.#meeting();
    const turn = this.#chainTurn.next();
    bus.publish(`${subject}.chain.there`, line.read(this.#payload));
    await turn;
    line.answer(this.#payload);
  }

  async #nats({ rounds, budgetMs }: Effort): Promise<Floor> {
    const { bus, subject } = this.#meeting();
    const samples: number[] = [];
    const end = performance.now() + budgetMs;
    for (let start = performance.now(); samples.length < rounds && start < end; ) {
      const turn = this.#natsTurn.next();
      bus.publish(`${subject}.nats.there`, this.#payload);
      await turn;
      const now = performance.now();
      samples.push((now - start) * 1e6);
      start = now;
    }
    return summarize(Float64Array.from(samples));
  }

  #meeting(): { readonly bus: Bus; readonly subject: string } {
    if (this.#met === undefined) throw new Error('this station has met nobody');
    return this.#met;
  }

  /** Loads the client only where a broker is needed: the other floors start sooner. */
  async #connect({ subject: _, ...server }: Meeting): Promise<Bus> {
    const { connectBus } = await import('@kmemlab/machine-live');
    const bus = await connectBus({ ...server, name: 'kmemlab-floor' });
    bus.onLost(this.#onLost);
    return bus;
  }

  async #meet(meeting: Meeting): Promise<void> {
    const bus = await this.#connect(meeting);
    const { subject } = meeting;
    this.#met = { bus, subject };
    bus.subscribe(`${subject}.nats.back`, () => this.#natsTurn.done());
    bus.subscribe(`${subject}.chain.back`, () => this.#chainTurn.done());
    await bus.flush();
  }

  /** The far end: sends back what comes, and for the chain only when a thread of this process has answered. */
  async #answer(meeting: Meeting): Promise<void> {
    const buffer = linesBuffer(1);
    const line = new Line(buffer);
    await startAnswerer(buffer, 0);
    const bus = await this.#connect(meeting);
    const { subject } = meeting;
    bus.subscribe(`${subject}.nats.there`, (data) => bus.publish(`${subject}.nats.back`, data));
    bus.subscribe(`${subject}.chain.there`, async (data) => {
      line.ring(data);
      await line.answered();
      bus.publish(`${subject}.chain.back`, line.read(this.#payload));
    });
    await bus.flush();
  }
}
