/**
 * Pending events by (time, sequence number): a 4-ary heap on typed arrays. An event's payload stays in its slot; the heap
 * moves slot numbers only.
 */
export class EventQueue<T> {
  private heap = new Int32Array(1024);
  private times = new Float64Array(1024);
  private sequences = new Float64Array(1024);
  private readonly payloads: (T | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  private sequence = 0;
  size = 0;

  /** Add an event; events of equal time come out in the order in which they were added. Returns its slot. */
  push(time: number, payload: T): number {
    return this.insert(time, ++this.sequence, payload);
  }

  /** Put back what `pop` has taken, at its old place in the order. */
  restore(event: { time: number; sequence: number; payload: T }): void {
    this.insert(event.time, event.sequence, event.payload);
  }

  get nextTime(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.times[this.heap[0] as number] as number);
  }

  /** Remove the first event; undefined if there is none. */
  pop(): { time: number; sequence: number; payload: T } | undefined {
    if (this.size === 0) return undefined;
    const slot = this.heap[0] as number;
    const last = this.heap[--this.size] as number;
    if (this.size > 0) this.siftDown(last);
    const payload = this.payloads[slot] as T;
    this.payloads[slot] = undefined;
    this.freeSlots.push(slot);
    return { time: this.times[slot] as number, sequence: this.sequences[slot] as number, payload };
  }

  private insert(time: number, sequence: number, payload: T): number {
    const slot = this.freeSlots.pop() ?? this.payloads.length;
    if (slot >= this.times.length) this.grow();
    this.times[slot] = time;
    this.sequences[slot] = sequence;
    this.payloads[slot] = payload;
    this.siftUp(this.size++, slot);
    return slot;
  }

  private grow(): void {
    const length = this.times.length * 2;
    const grown = <A extends Int32Array | Float64Array>(from: A, to: A): A => {
      to.set(from);
      return to;
    };
    this.heap = grown(this.heap, new Int32Array(length));
    this.times = grown(this.times, new Float64Array(length));
    this.sequences = grown(this.sequences, new Float64Array(length));
  }

  private before(a: number, b: number): boolean {
    const ta = this.times[a] as number;
    const tb = this.times[b] as number;
    return ta < tb || (ta === tb && (this.sequences[a] as number) < (this.sequences[b] as number));
  }

  private siftUp(from: number, slot: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 2;
      const above = this.heap[parent] as number;
      if (!this.before(slot, above)) break;
      this.heap[index] = above;
      index = parent;
    }
    this.heap[index] = slot;
  }

  private siftDown(slot: number): void {
    let index = 0;
    for (;;) {
      const first = 4 * index + 1;
      if (first >= this.size) break;
      let least = first;
      for (let child = first + 1; child < Math.min(first + 4, this.size); child++) {
        if (this.before(this.heap[child] as number, this.heap[least] as number)) least = child;
      }
      const below = this.heap[least] as number;
      if (!this.before(below, slot)) break;
      this.heap[index] = below;
      index = least;
    }
    this.heap[index] = slot;
  }
}
