import { Core, call, request, work } from '@kmemlab/machine';

const DEPTH = 6;

/** A core whose port answers every request at once, so that only the cost of the effects is left. */
class BareCore extends Core {
  constructor() {
    super(0, 0, undefined, 1e12);
    this.tasks = [];
    this.port = {
      time: () => 0,
      now: () => 0,
      work: () => true,
      request: (core, context) => core.deliverAnswer(context, 0, 1),
      post: () => {},
    };
  }
  interrupt() {}
  softirqPending() {
    return false;
  }
  softirq() {}
  pickNext() {
    return this.tasks.shift();
  }
  taskDone() {}
  wake() {}
  offCpu() {}
  preempts() {
    return false;
  }
  quiet() {}
  checkMayBlock() {}

  /** Run one task to its end. */
  runTask(fn, ...args) {
    this.tasks.push(Core.contextFor(1, 'bench', fn, args));
    this.run();
  }
}

const handler = { kind: 'handler', name: 'bench', index: 0, run: () => 1, lock: null, atomic: false };

function* nested(n, depth) {
  if (depth > 0) return yield call(nested, n, depth - 1);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += yield request(0, handler, null);
  return sum;
}

function* working(n) {
  for (let i = 0; i < n; i++) yield work(1);
}

function* bare(n) {
  for (let i = 0; i < n; i++) yield i;
}

/** ns per effect, yielded as in the bundles, against the resumption of a bare generator. Each function runs `n` effects. */
export const effects = (n) => ({
  'bare generator': () => {
    for (const _ of bare(n));
  },
  'work effect': () => new BareCore().runTask(working, n),
  'request effect, depth 1': () => new BareCore().runTask(nested, n, 0),
  [`request effect, depth ${DEPTH}`]: () => new BareCore().runTask(nested, n, DEPTH - 1),
});
