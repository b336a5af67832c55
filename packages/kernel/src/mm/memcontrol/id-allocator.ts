/** ida_simple_get and ida_simple_remove: always the lowest free number. */
export class IdAllocator {
  /** Freed numbers below `next`, as a min-heap. */
  private readonly freed: number[] = [];
  private next = 0;

  allocate(): number {
    return this.freed.length > 0 ? this.popLowest() : this.next++;
  }

  free(id: number): void {
    const heap = this.freed;
    let i = heap.push(id) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && (heap[parent] as number) > id; parent = (i - 1) >> 1) {
      heap[i] = heap[parent] as number;
      i = parent;
    }
    heap[i] = id;
  }

  private popLowest(): number {
    const heap = this.freed;
    const lowest = heap[0] as number;
    const last = heap.pop() as number;
    if (heap.length === 0) return lowest;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= last) break;
      heap[i] = heap[child] as number;
      i = child;
    }
    heap[i] = last;
    return lowest;
  }
}
