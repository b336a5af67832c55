import type { Context, CoroutineFunction } from '@kmemlab/machine';

/** A task at a point of a tree of calls. */
class Place {
  /** 0 as long as nobody has asked for it. */
  number = 0;
  private readonly calls = new Map<CoroutineFunction, Place>();

  after(fn: CoroutineFunction): Place {
    let place = this.calls.get(fn);
    if (place === undefined) {
      place = new Place();
      this.calls.set(fn, place);
    }
    return place;
  }
}

/**
 * Places in the kernel's code as small numbers: a task and its kernel stack. A request carries the number, so that its
 * handler can say later who did it; the name goes ahead of its first use.
 */
export class Places {
  private readonly tasks = new Map<string, Place>();
  private count = 0;

  /** @param announce called once for each new place, before its number is used, with its name: see {@link parsePlace} */
  constructor(private readonly announce: (place: number, name: string) => void) {}

  of(context: Context): number {
    const { path } = context;
    let place = this.task(context.taskName);
    for (const fn of path) place = place.after(fn);
    if (place.number === 0) {
      place.number = ++this.count;
      const stack = path.map((fn) => fn.name).reverse();
      this.announce(place.number, [context.taskName, ...stack].join('\t'));
    }
    return place.number;
  }

  private task(name: string): Place {
    let place = this.tasks.get(name);
    if (place === undefined) {
      place = new Place();
      this.tasks.set(name, place);
    }
    return place;
  }
}

/** The task of a place, and its kernel stack, innermost function first. */
export function parsePlace(name: string): { readonly task: string; readonly stack: string[] } {
  const [task = '', ...stack] = name.split('\t');
  return { task, stack };
}
