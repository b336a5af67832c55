/** Events that a queue has room for at first; going back to a checkpoint copies all of it. */
const LEAST_ROOM = 256;

/**
 * Pending events by (time, sequence number): a 4-ary heap on typed arrays. An event's payload stays in its slot; the heap
 * moves keys and slot numbers only.
 *
 * `pop` leaves the root vacant. Most events cause another one, which then takes that place and sinks, so that the last
 * event need not be moved up and sunk first.
 */
export class EventQueue<T> {
  private times = new Float64Array(LEAST_ROOM);
  private sequences = new Float64Array(LEAST_ROOM);
  private slots = new Int32Array(LEAST_ROOM);
  private readonly payloads: (T | undefined)[] = [];
  private freeSlots = new Int32Array(LEAST_ROOM);
  private free = 0;
  private sequence = 0;
  /** The root was popped; the events are in the `size` places behind it. */
  private vacant = false;
  size = 0;
  /** Time of the event that was removed last. */
  time = 0;
  /** Called with every event that is added. */
  onPush: ((payload: T) => void) | null = null;

  /** Add an event; events of equal time come out in the order in which they were added. */
  push(time: number, payload: T): void {
    this.onPush?.(payload);
    if (this.size === this.times.length) this.grow();
    const slot = this.free > 0 ? (this.freeSlots[--this.free] as number) : this.payloads.length;
    this.payloads[slot] = payload;
    const last = this.size++;
    if (this.vacant) this.sink(this.size, time, ++this.sequence, slot);
    else this.rise(last, time, ++this.sequence, slot);
    this.vacant = false;
  }

  /** Remove the first event, whose time is then `time`; undefined if there is none. */
  pop(): T | undefined {
    this.fillRoot();
    if (this.size === 0) return undefined;
    this.time = this.times[0] as number;
    const slot = this.slots[0] as number;
    this.size--;
    this.vacant = true;
    const payload = this.payloads[slot] as T;
    this.payloads[slot] = undefined;
    this.freeSlots[this.free++] = slot;
    return payload;
  }

  /** Move the last event into the vacant root. */
  private fillRoot(): void {
    if (!this.vacant) return;
    this.vacant = false;
    const last = this.size;
    if (last > 0)
      this.sink(last, this.times[last] as number, this.sequences[last] as number, this.slots[last] as number);
  }

  private grow(): void {
    const length = this.times.length * 2;
    const grown = <A extends Int32Array | Float64Array>(from: A, to: A): A => {
      to.set(from);
      return to;
    };
    this.times = grown(this.times, new Float64Array(length));
    this.sequences = grown(this.sequences, new Float64Array(length));
    this.slots = grown(this.slots, new Int32Array(length));
    this.freeSlots = grown(this.freeSlots, new Int32Array(length));
  }

  /** Place an event at `from` or above. */
  private rise(from: number, time: number, sequence: number, slot: number): void {
    const { times, sequences, slots } = this;
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      const above = times[parent] as number;
      if (above < time || (above === time && (sequences[parent] as number) < sequence)) break;
      times[index] = above;
      sequences[index] = sequences[parent] as number;
      slots[index] = slots[parent] as number;
      index = parent;
    }
    times[index] = time;
    sequences[index] = sequence;
    slots[index] = slot;
  }

  /** Place an event at the root or below; the heap ends before `end`. */
  private sink(end: number, time: number, sequence: number, slot: number): void {
    const { times, sequences, slots } = this;
    let index = 0;
    for (let first = 1; first < end; first = 4 * index + 1) {
      const behind = first + 4 < end ? first + 4 : end;
      let least = first;
      let leastTime = times[first] as number;
      for (let child = first + 1; child < behind; child++) {
        const childTime = times[child] as number;
        if (childTime > leastTime) continue;
        if (childTime === leastTime && (sequences[child] as number) > (sequences[least] as number)) continue;
        least = child;
        leastTime = childTime;
      }
      if (leastTime > time || (leastTime === time && (sequences[least] as number) > sequence)) break;
      times[index] = leastTime;
      sequences[index] = sequences[least] as number;
      slots[index] = slots[least] as number;
      index = least;
    }
    times[index] = time;
    sequences[index] = sequence;
    slots[index] = slot;
  }
}
