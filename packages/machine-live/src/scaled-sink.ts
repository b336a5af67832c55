import type { DurationSink, KickSplit } from '@kmemlab/kernel';

/**
 * Turns durations of machine time into whole ns of host time on their way to a recorder. The clocks of two threads, and more so of two
 * hosts, may differ by a little: a duration that began on one and ended on another is at least 0.
 */
export class ScaledSink implements DurationSink {
  /** @param scale machine seconds per host second */
  constructor(
    private readonly sink: DurationSink,
    private readonly scale: number,
  ) {}

  record(name: string, ns: number): void {
    this.sink.record(name, this.hostNs(ns));
  }

  kick(split: KickSplit): void {
    this.sink.kick({
      ...split,
      ns: this.hostNs(split.ns),
      send: this.hostNs(split.send),
      delivery: this.hostNs(split.delivery),
      irqOffWait: this.hostNs(split.irqOffWait),
      handler: this.hostNs(split.handler),
      ack: this.hostNs(split.ack),
    });
  }

  private hostNs(ns: number): number {
    return Math.round(Math.max(0, ns) / this.scale);
  }
}
