export interface SilenceOptions {
  /** Time from tick to tick, ms. */
  readonly everyMs: number;
  /** Silence of this length is reported, ms. */
  readonly deadlineMs: number;
  readonly onTick: () => void;
  /** Called once, with the length of the silence. */
  readonly onSilent: (ms: number) => void;
  /** Time, ms. */
  readonly now?: () => number;
}

/**
 * Ticks, and notices when nothing has been heard for too long. A tick that comes late, because this process was stopped
 * or had no processor, counts as two ticks at most: what we did not listen to was no silence. And before a silence is
 * reported the event loop turns twice, so that data which wait in the socket are heard. Keeps no process alive.
 */
export class Silence {
  private timer: ReturnType<typeof setInterval> | undefined;
  private lastTick = 0;
  private silentMs = 0;
  private readonly now: () => number;

  constructor(private readonly options: SilenceOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  start(): void {
    this.lastTick = this.now();
    this.silentMs = 0;
    this.timer = setInterval(() => this.tick(), this.options.everyMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Something has been heard. */
  heard(): void {
    this.silentMs = 0;
  }

  private tick(): void {
    const now = this.now();
    this.silentMs += Math.min(now - this.lastTick, 2 * this.options.everyMs);
    this.lastTick = now;
    this.options.onTick();
    if (this.silentMs >= this.options.deadlineMs) setImmediate(() => setImmediate(() => this.judge()));
  }

  private judge(): void {
    if (this.timer === undefined || this.silentMs < this.options.deadlineMs) return;
    this.stop();
    this.options.onSilent(Math.round(this.silentMs));
  }
}
