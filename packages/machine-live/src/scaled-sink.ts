import type { DurationSink, KickSplit } from '@kmemlab/kernel';

/**
 * Turns durations of machine time into host time on their way to a recorder. The clocks of two threads, and more so of two
 * hosts, may differ by a little: a duration that began on one and ended on another is at least 0.
 */
export class ScaledSink implements DurationSink {
  /** @param scale machine seconds per host second */
  constructor(
    private readonly sink: DurationSink,
    private readonly scale: number,
  ) {}

  record(name: string, ns: number): void {
    this.sink.record(name, Math.max(0, ns) / this.scale);
  }

  kick(split: KickSplit): void {
    const { scale } = this;
    this.sink.kick({
      ...split,
      ns: split.ns / scale,
      send: split.send / scale,
      delivery: split.delivery / scale,
      irqOffWait: split.irqOffWait / scale,
      handler: split.handler / scale,
      ack: split.ack / scale,
    });
  }
}
