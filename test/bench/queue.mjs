import { EventQueue } from '../../packages/machine-sim/dist/event-queue.js';

/** A plain binary heap of objects: what one would write first. */
class ObjectHeap {
  items = [];
  /** Of the event that was removed last. */
  time = 0;

  push(time, payload) {
    const item = { time, payload };
    let i = this.items.push(item) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && this.items[parent].time > time; parent = (i - 1) >> 1) {
      this.items[i] = this.items[parent];
      i = parent;
    }
    this.items[i] = item;
  }

  pop() {
    const first = this.items[0];
    this.time = first.time;
    const last = this.items.pop();
    if (this.items.length === 0) return first.payload;
    let i = 0;
    for (let child = 1; child < this.items.length; child = 2 * i + 1) {
      if (child + 1 < this.items.length && this.items[child + 1].time < this.items[child].time) child++;
      if (this.items[child].time >= last.time) break;
      this.items[i] = this.items[child];
      i = child;
    }
    this.items[i] = last;
    return first.payload;
  }
}

/** Hold model: with `pending` events in the queue, take the first and add one later; `n` times. */
function hold(queue, pending, n) {
  let state = 12345;
  const delay = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state % 10000;
  };
  for (let i = 0; i < pending; i++) queue.push(delay(), i);
  return () => {
    for (let i = 0; i < n; i++) {
      const payload = queue.pop();
      queue.push(queue.time + delay(), payload);
    }
  };
}

/** One pop and push against a binary heap of objects. */
export const queue = (pending, n) => ({
  'binary heap of objects': hold(new ObjectHeap(), pending, n),
  'event queue': hold(new EventQueue(), pending, n),
});
