/** Names of the kinds of event of the deterministic machine, by number. */
const KINDS = ['workDone', 'message', 'answer', 'completion', 'doorbell', 'timer', 'thread', 'syscall', 'returned'];

const CHUNK = 1 << 16;

interface Entry {
  readonly time: number;
  readonly what: number;
  readonly detail: number;
}

/** All events of one run, 16 bytes each, in chunks. */
export class EventLog {
  private readonly times: Float64Array[] = [];
  private readonly whats: Int32Array[] = [];
  length = 0;

  readonly add = (time: number, kind: number, actor: number, detail: number): void => {
    const offset = this.length % CHUNK;
    if (offset === 0) {
      this.times.push(new Float64Array(CHUNK));
      this.whats.push(new Int32Array(2 * CHUNK));
    }
    (this.times[this.times.length - 1] as Float64Array)[offset] = time;
    const whats = this.whats[this.whats.length - 1] as Int32Array;
    whats[2 * offset] = kind * 65536 + actor;
    whats[2 * offset + 1] = detail;
    this.length++;
  };

  at(index: number): Entry | undefined {
    if (index >= this.length) return undefined;
    const chunk = Math.floor(index / CHUNK);
    const offset = index % CHUNK;
    return {
      time: this.times[chunk]?.[offset] ?? 0,
      what: this.whats[chunk]?.[2 * offset] ?? 0,
      detail: this.whats[chunk]?.[2 * offset + 1] ?? 0,
    };
  }
}

const describe = (entry: Entry | undefined): string => {
  if (entry === undefined) return 'the end of the run';
  const kind = KINDS[Math.floor(entry.what / 65536)] ?? 'event';
  return `${kind} at ${entry.what % 65536} (${entry.detail}) at ${entry.time} ns`;
};

/** Compares a second run with the log of the first, event by event. */
export class EventComparison {
  private index = 0;
  private found: string | undefined = undefined;

  constructor(private readonly log: EventLog) {}

  readonly add = (time: number, kind: number, actor: number, detail: number): void => {
    const index = this.index++;
    if (this.found !== undefined) return;
    const first = this.log.at(index);
    const second = { time, what: kind * 65536 + actor, detail };
    if (first !== undefined && first.time === time && first.what === second.what && first.detail === detail) return;
    this.found = `event ${index}: first run ${describe(first)}, second run ${describe(second)}`;
  };

  /** The first difference in words, undefined if there is none. */
  difference(): string | undefined {
    if (this.found !== undefined || this.index === this.log.length) return this.found;
    return `event ${this.index}: first run ${describe(this.log.at(this.index))}, second run ${describe(undefined)}`;
  }
}
