import type { Coroutine, CoroutineFunction } from './effects.js';

export type ContextKind = 'task' | 'softirq' | 'hardirq';

/** What a context is doing; `ready` contexts advance when they are the innermost of their CPU. */
export const ContextState = {
  ready: 0,
  working: 1,
  requesting: 2,
  spinning: 3,
  blocked: 4,
  done: 5,
} as const;

export type ContextState = (typeof ContextState)[keyof typeof ContextState];

/** Frames that a stack shows at most, from its two ends. */
const OUTERMOST = 8;
const INNERMOST = 48;

/** Stands in a stack for the frames that it does not show. */
const leftOut: CoroutineFunction = Object.defineProperty(function* () {}, 'name', { value: '…' });

/** What a patch calls may have no name, or by a mistake be no function. */
const nameOf = (fn: CoroutineFunction | undefined): string => (fn?.name ?? String(fn)) || 'anonymous';

/** One thread of kernel execution on a CPU: a task in the kernel, the softirq or a hardirq, with its stack of frames. */
export class Context {
  private readonly frames: Coroutine<unknown>[] = [];
  private readonly functions: CoroutineFunction[] = [];
  state: ContextState = ContextState.ready;
  /** Value the innermost frame is resumed with. */
  resume: unknown = undefined;
  /** Answers of the outstanding request still missing, and those of a multi-home request that have come. */
  missing = 0;
  answers: unknown[] | null = null;
  /** Name of the handler an outstanding request waits for, for stacks. */
  pendingHandler = '';
  /** ns of the current work effect not yet done, when an interrupt cut it short. */
  workLeft = 0;
  /** How often this context has blocked. */
  timesSlept = 0;
  /** The waiter on which it last began to spin. */
  spinsOn = 0;
  /** When it last began to block or spin, i.e. when the work before that ends; ns. */
  waitingSince = 0;
  /** Interrupt flag of the context below, to be restored when this one ends. */
  savedIrqsOff = false;
  /** For the kernel, while the task is off its CPU: depth of its RCU read sections, and whether a leaf lists it as a reader. */
  readNesting = 0;
  readerListed = false;
  /** For the kernel: what a user task is in the kernel for; nothing otherwise. */
  purpose: unknown = undefined;
  /** The context that this one interrupted, while it is on a CPU. */
  below: Context | undefined = undefined;
  /** The innermost frame. */
  top: Coroutine<unknown> | undefined = undefined;

  constructor(
    readonly kind: ContextKind,
    readonly taskId: number,
    readonly taskName: string,
  ) {}

  push(fn: CoroutineFunction, args: readonly unknown[]): void {
    this.functions.push(fn);
    this.top = fn(...args);
    this.frames.push(this.top);
  }

  /** What is wrong with the function that was called last, if it is no kernel function: what it threw says nothing then. */
  get misuse(): string | undefined {
    const { functions, frames } = this;
    if (functions.length === 0) return undefined;
    const fn: unknown = functions[functions.length - 1];
    if (typeof fn !== 'function') return `call of a function that does not exist: it is ${String(fn)}`;
    if (frames.length < functions.length || String(this.top) === '[object Generator]') return undefined;
    return `call of ${fn.name}, which is no generator function`;
  }

  pop(): void {
    this.frames.pop();
    this.functions.pop();
    const depth = this.frames.length;
    this.top = depth === 0 ? undefined : this.frames[depth - 1];
  }

  get function(): string {
    const { functions } = this;
    return functions.length === 0 ? '' : nameOf(functions[functions.length - 1]);
  }

  /** The functions of its frames, outermost first; of very many those at both ends, which is enough to see a recursion. */
  get path(): readonly CoroutineFunction[] {
    const { functions } = this;
    if (functions.length <= OUTERMOST + INNERMOST) return functions;
    return [...functions.slice(0, OUTERMOST), leftOut, ...functions.slice(-INNERMOST)];
  }

  /** Kernel stack, innermost function first. */
  stack(): readonly string[] {
    const { path } = this;
    const stack = this.state === ContextState.requesting ? [this.pendingHandler] : [];
    for (let depth = path.length - 1; depth >= 0; depth--) stack.push(nameOf(path[depth]));
    return Object.freeze(stack);
  }
}
