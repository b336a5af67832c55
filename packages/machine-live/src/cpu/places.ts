import type { Context } from '@kmemlab/machine';

/**
 * Places in the kernel's code as small numbers: a task and the function it is in. A request carries the number, so that its
 * handler can say later who did it; the name goes ahead of its first use.
 */
export class Places {
  private readonly numbers = new Map<string, Map<string, number>>();
  private count = 0;

  /** @param announce called once for each new place, before its number is used */
  constructor(private readonly announce: (place: number, name: string) => void) {}

  of(context: Context): number {
    let byFunction = this.numbers.get(context.taskName);
    if (byFunction === undefined) {
      byFunction = new Map();
      this.numbers.set(context.taskName, byFunction);
    }
    const name = context.function;
    const known = byFunction.get(name);
    if (known !== undefined) return known;
    const place = ++this.count;
    byFunction.set(name, place);
    this.announce(place, `${context.taskName}\t${name}`);
    return place;
  }
}
