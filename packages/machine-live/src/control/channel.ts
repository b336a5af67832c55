import type { Bus } from '../transport/bus.js';
import { Silence } from '../transport/silence.js';
import { Assembler, cut } from './chunks.js';
import { ControlError, RemoteError } from './errors.js';
import { controlSubject, type Peer } from './types.js';
import { decodeMessage, encodeMessage, type Message } from './wire.js';

/** Times that a call looks at the clock until its deadline. */
const TICKS = 20;

export interface ControlChannelOptions {
  readonly bus: Bus;
  /** Name of the run; part of every subject. */
  readonly run: string;
  readonly self: Peer;
}

/** Answers a call: with what it returns or resolves to, or with the error it throws. */
export type CallHandler = (payload: unknown) => unknown;
export type EventListener = (payload: unknown, from: Peer) => void;

interface Pending {
  readonly to: Peer;
  readonly name: string;
  readonly deadlineMs: number;
  readonly wait: Silence;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Calls and events by name between the coordinator and the nodes of one run. Payloads are plain data of up to
 * `MAX_MESSAGE` bytes, cut into frames that the broker takes. Not for the data path: see `Link`.
 */
export class ControlChannel {
  readonly self: Peer;
  private readonly bus: Bus;
  private readonly run: string;
  private readonly handlers = new Map<string, CallHandler>();
  private readonly listeners = new Map<string, EventListener[]>();
  private readonly pending = new Map<number, Pending>();
  private readonly hearers: ((from: Peer) => void)[] = [];
  private readonly assembler = new Assembler();
  private readonly unsubscribe: () => void;
  private nextId = 1;
  private nextSequence = 1;
  private badMessages = 0;
  private closed = false;
  private lost = false;

  constructor({ bus, run, self }: ControlChannelOptions) {
    this.bus = bus;
    this.run = run;
    this.self = self;
    this.unsubscribe = bus.subscribe(controlSubject(run, self), (frame) => this.receive(frame));
    bus.onLost((reason) => {
      this.lost = true;
      this.rejectPending(new Error(reason));
    });
  }

  /** Messages that were ignored because they were malformed or answered no call of ours. */
  get malformed(): number {
    return this.assembler.malformed + this.badMessages;
  }

  /** Learn of every message, whatever it says: a sign of life. */
  onHeard(listener: (from: Peer) => void): void {
    this.hearers.push(listener);
  }

  /**
   * Ask a peer. Rejects with a {@link ControlError} if no answer came within `deadlineMs` or the channel was closed, and
   * with a {@link RemoteError} if the peer's handler threw. Time in which this process stood still is not counted.
   */
  call(to: Peer, name: string, payload: unknown, deadlineMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.mute) {
        reject(new ControlError('closed', to, name, deadlineMs));
        return;
      }
      const id = this.nextId++;
      const onSilent = () => this.settle(id)?.reject(new ControlError('deadline', to, name, deadlineMs));
      const wait = new Silence({ everyMs: Math.ceil(deadlineMs / TICKS), deadlineMs, onTick() {}, onSilent });
      this.pending.set(id, { to, name, deadlineMs, wait, resolve, reject });
      wait.start();
      try {
        this.send(to, { kind: 'call', id, name, payload });
      } catch (cause) {
        this.settle(id)?.reject(new ControlError('not-sent', to, name, deadlineMs, { cause }));
      }
    });
  }

  /** Answer calls of this name. One handler per name. */
  serve(name: string, handler: CallHandler): void {
    if (this.handlers.has(name)) throw new TypeError(`The call "${name}" has a handler.`);
    this.handlers.set(name, handler);
  }

  /** Tell a peer something; nothing says whether it arrived. After `close`, or with the bus lost, nothing is sent. */
  event(to: Peer, name: string, payload: unknown): void {
    if (!this.mute) this.send(to, { kind: 'event', name, payload });
  }

  /** Hear events of this name. */
  onEvent(name: string, listener: EventListener): void {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  /** Reject everything pending, with this cause; the channel stays open. */
  rejectPending(cause?: Error): void {
    const options = cause === undefined ? undefined : { cause };
    for (const id of [...this.pending.keys()]) {
      const call = this.settle(id);
      call?.reject(new ControlError('closed', call.to, call.name, call.deadlineMs, options));
    }
  }

  /** Hear and say nothing more; everything pending is rejected at once. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.unsubscribe();
    this.rejectPending();
  }

  private get mute(): boolean {
    return this.closed || this.lost;
  }

  private settle(id: number): Pending | undefined {
    const call = this.pending.get(id);
    if (call === undefined) return undefined;
    call.wait.stop();
    this.pending.delete(id);
    return call;
  }

  private send(to: Peer, message: Message): void {
    const subject = controlSubject(this.run, to);
    for (const frame of cut(encodeMessage(message), this.self, this.nextSequence++, this.bus.maxPayload))
      this.bus.publish(subject, frame);
  }

  private receive(frame: Uint8Array): void {
    const whole = this.assembler.accept(frame);
    if (whole === undefined) return;
    const message = decodeMessage(whole.bytes);
    if (message === undefined) {
      this.badMessages++;
      return;
    }
    for (const hearer of this.hearers) hearer(whole.from);
    this.dispatch(message, whole.from);
  }

  private dispatch(message: Message, from: Peer): void {
    switch (message.kind) {
      case 'call':
        void this.answer(message, from);
        break;
      case 'event':
        for (const listener of this.listeners.get(message.name) ?? []) listener(message.payload, from);
        break;
      case 'answer':
        this.answered(message.id, from)?.resolve(message.value);
        break;
      case 'error': {
        const call = this.answered(message.id, from);
        call?.reject(new RemoteError(from, call.name, { name: message.name, message: message.message }));
      }
    }
  }

  /** The call that a peer has answered. A late answer is nothing wrong; one of the wrong peer is. */
  private answered(id: number, from: Peer): Pending | undefined {
    if (this.pending.get(id)?.to === from) return this.settle(id);
    if (this.pending.has(id) || id >= this.nextId) this.badMessages++;
    return undefined;
  }

  private async answer({ id, name, payload }: Extract<Message, { kind: 'call' }>, from: Peer): Promise<void> {
    try {
      const handler = this.handlers.get(name);
      if (handler === undefined) throw new UnknownCall(name);
      const value = await handler(payload);
      if (!this.mute) this.send(from, { kind: 'answer', id, value });
    } catch (error) {
      const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
      if (!this.mute) this.send(from, { kind: 'error', id, name, message });
    }
  }
}

class UnknownCall extends Error {
  override readonly name = 'UnknownCall';
  constructor(name: string) {
    super(`nobody serves "${name}"`);
  }
}
