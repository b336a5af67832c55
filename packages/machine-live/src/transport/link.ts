import type { Bus } from './bus.js';
import { decodeFrame, emptyFrame, FRAME_HEADER, FrameBuilder, FrameError, type FrameHeader, spaceOf } from './frame.js';
import { Silence } from './silence.js';
import { Window } from './window.js';

/** Largest message that a link takes, bytes. */
export const MAX_MESSAGE = 900 << 10;
/** Messages share a frame up to this size, bytes; a larger message makes a frame of its own. */
const FRAME_LIMIT = 256 << 10;
/** More than this waiting for a peer that does not keep up ends the link, bytes. */
const QUEUE_LIMIT = 64 << 20;
const HEARTBEAT_MS = 250;

/** The subject of what `from` sends to `to` in a run; `*` for `from` stands for every node. */
export function linkSubject(run: string, to: number, from: number | '*'): string {
  if (!/^[\w-]+$/.test(run)) throw new RangeError(`"${run}" cannot name a run`);
  return `kmemlab.${run}.node.${to}.${from}`;
}

export interface LinkOptions {
  readonly bus: Bus;
  readonly run: string;
  /** Numbers of this node and of the one at the other end. */
  readonly self: number;
  readonly peer: number;
  /** A peer that says nothing for so long is lost, ms; at least four heartbeats. */
  readonly deadlineMs: number;
  /** An end that has nothing to say sends a frame without messages so often, ms; 250 unless given. */
  readonly heartbeatMs?: number;
  /** Called in the order of sending; the bytes begin at a multiple of 8 and stay as they are. */
  readonly onMessage: (message: Uint8Array) => void;
  /** Called once, then nothing more is delivered or sent. */
  readonly onLost: (reason: string) => void;
  /** False if `receive` is called by whoever listens to the subject; true, the default, makes the link listen itself. */
  readonly listen?: boolean;
}

/**
 * One of two ends of the ordered, numbered streams of messages between two nodes. Frames are numbered 1, 2, … and
 * acknowledged when they are delivered; frames without messages repeat the last number. Whatever is missing,
 * repeated or malformed, and a peer that falls silent, ends the link. Both ends must listen, and the server know of it,
 * before either sends.
 */
export class Link {
  private state: 'made' | 'started' | 'ended' = 'made';
  private readonly subject: string;
  private readonly stopListening: () => void;
  private readonly frameLimit: number;
  private readonly largest: number;

  private open: FrameBuilder;
  /** Full frames that wait for the window. */
  private readonly waiting: FrameBuilder[] = [];
  private waitingBytes = 0;
  private flushWanted = false;
  private readonly window = new Window();
  private spoke = false;

  private heard = 0;
  private readonly unacknowledged = { frames: 0, bytes: 0 };

  private readonly silence: Silence;

  private sentMessages = 0;
  private receivedMessages = 0;

  constructor(private readonly options: LinkOptions) {
    const { bus, run, self, peer, deadlineMs, heartbeatMs = HEARTBEAT_MS } = options;
    if (deadlineMs < 4 * heartbeatMs) throw new RangeError(`${deadlineMs} ms are too few to call a node silent`);
    this.subject = linkSubject(run, peer, self);
    this.frameLimit = Math.min(FRAME_LIMIT, bus.maxPayload);
    this.largest = Math.min(MAX_MESSAGE, bus.maxPayload - FRAME_HEADER - spaceOf(0) - 7);
    this.open = new FrameBuilder(this.frameLimit);
    this.silence = new Silence({
      everyMs: heartbeatMs,
      deadlineMs,
      onTick: () => this.heartbeat(),
      onSilent: (ms) => this.lose(`has been silent for ${ms} ms`),
    });
    const listens = options.listen ?? true;
    this.stopListening = listens ? bus.subscribe(linkSubject(run, self, peer), (data) => this.receive(data)) : () => {};
  }

  /** Messages that `send` took. */
  get sent(): number {
    return this.sentMessages;
  }

  /** Messages that were delivered, counted before each delivery. */
  get received(): number {
    return this.receivedMessages;
  }

  /** Whether all that was sent has been published. */
  get idle(): boolean {
    return this.open.count === 0 && this.waiting.length === 0;
  }

  /** Begin to send heartbeats, and to expect them. Messages may be sent and received before. */
  start(): void {
    if (this.state !== 'made') return;
    this.state = 'started';
    this.silence.start();
  }

  /** End without a word; what is queued is dropped. */
  close(): void {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.silence.stop();
    this.stopListening();
    this.waiting.length = 0;
    this.waitingBytes = 0;
    this.open = new FrameBuilder(this.frameLimit);
  }

  /**
   * Queue a copy of a message; `flush` sends it. Without effect when the link has ended.
   * @throws RangeError if it is larger than 900 KiB or than the server takes
   */
  send(message: Uint8Array): void {
    if (message.length > this.largest) {
      throw new RangeError(`a message of ${message.length} bytes is too large for a link, which takes ${this.largest}`);
    }
    if (this.state === 'ended') return;
    if (!this.open.fits(message.length)) this.retire();
    if (this.ended()) return;
    this.sentMessages++;
    this.open.add(message);
  }

  /** Publish what is queued as far as the window reaches; the rest follows as the peer acknowledges. */
  flush(): void {
    if (this.state === 'ended') return;
    this.flushWanted = this.open.count > 0;
    this.publishWaiting();
  }

  /** Take a frame from the peer. */
  receive(data: Uint8Array): void {
    if (this.state === 'ended') return;
    const trouble = this.accept(data);
    if (trouble !== undefined) this.lose(trouble);
  }

  /** @returns what is wrong with the frame, after "node n" */
  private accept(data: Uint8Array): string | undefined {
    let frame: ReturnType<typeof decodeFrame>;
    try {
      frame = decodeFrame(data);
    } catch (error) {
      if (error instanceof FrameError) return `sent a malformed frame: ${error.message}`;
      throw error;
    }
    const trouble = this.misfit(frame, frame.messages.length === 0 ? this.heard : this.heard + 1);
    if (trouble !== undefined) return trouble;
    this.silence.heard();
    this.window.acknowledge(frame.acknowledged);
    if (frame.messages.length > 0) this.deliver(frame.messages, frame.sequence, data.length);
    this.publishWaiting();
    return undefined;
  }

  private misfit({ from, to, sequence, acknowledged }: FrameHeader, expected: number): string | undefined {
    const { self, peer } = this.options;
    if (from !== peer || to !== self) return `sent a malformed frame: it is from ${from} to ${to}, not to ${self}`;
    if (sequence > expected) return `sent frame ${sequence} where ${expected} was expected: frames are missing`;
    if (sequence < expected) return `sent frame ${sequence} where ${expected} was expected: a frame is repeated`;
    if (acknowledged < this.window.acknowledged || acknowledged > this.window.sent) {
      const known = `${this.window.acknowledged} to ${this.window.sent}`;
      return `sent a malformed frame: it acknowledges frame ${acknowledged}, not one of ${known}`;
    }
    return undefined;
  }

  private deliver(messages: readonly Uint8Array[], sequence: number, bytes: number): void {
    this.heard = sequence;
    this.unacknowledged.frames++;
    this.unacknowledged.bytes += bytes;
    for (const message of messages) {
      // Delivery may end the link.
      if (this.ended()) return;
      this.receivedMessages++;
      this.options.onMessage(message);
    }
    if (Window.asksForAnswer(this.unacknowledged) && !this.ended()) this.publishEmpty();
  }

  private ended(): boolean {
    return this.state === 'ended';
  }

  private retire(): void {
    this.waiting.push(this.open);
    this.waitingBytes += this.open.size;
    this.open = new FrameBuilder(this.frameLimit);
    if (this.waitingBytes > QUEUE_LIMIT) this.lose(`does not keep up: ${this.waitingBytes} bytes wait for it`);
  }

  private publishWaiting(): void {
    let next = 0;
    for (; next < this.waiting.length; next++) {
      const frame = this.waiting[next] as FrameBuilder;
      if (!this.window.admits(frame.size)) break;
      this.waitingBytes -= frame.size;
      this.publishFrame(frame);
    }
    if (next > 0) this.waiting.splice(0, next);
    if (this.waiting.length > 0 || !this.flushWanted || !this.window.admits(this.open.size)) return;
    this.flushWanted = false;
    const frame = this.open;
    this.open = new FrameBuilder(this.frameLimit);
    this.publishFrame(frame);
  }

  private publishFrame(frame: FrameBuilder): void {
    this.window.add(frame.size);
    this.publish(frame.finish(this.header()));
  }

  private publishEmpty(): void {
    this.publish(emptyFrame(this.header()));
  }

  private header(): FrameHeader {
    const { self, peer } = this.options;
    return { from: self, to: peer, sequence: this.window.sent, acknowledged: this.heard };
  }

  private publish(bytes: Uint8Array): void {
    this.spoke = true;
    this.unacknowledged.frames = 0;
    this.unacknowledged.bytes = 0;
    this.options.bus.publish(this.subject, bytes);
  }

  private heartbeat(): void {
    if (!this.spoke) this.publishEmpty();
    this.spoke = false;
  }

  private lose(what: string): void {
    if (this.state === 'ended') return;
    this.close();
    const counts = `last heard frame ${this.heard}, ${this.receivedMessages} messages`;
    this.options.onLost(`node ${this.options.peer} ${what} (${counts})`);
  }
}
