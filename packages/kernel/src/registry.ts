import { type Coroutine, type Handler, type HandlerFunction, hashName } from '@kmemlab/machine';
import type { Cpu } from './cpu.js';
import type { KernelNode } from './node.js';
import type { NodeMemory } from './node-memory.js';
import { mayReplace, valueKind } from './value-kind.js';

/**
 * Whatever crosses a thread, a node or a snapshot is named here: a registered name plus plain data, never a closure.
 * The index of a name is its number on the wire; it follows from module order and is the same in every process.
 */
// biome-ignore lint/suspicious/noExplicitAny: the registry holds functions of every argument type
const handlers: Handler<any, any, any>[] = [];

/** Register a homed operation: one atomic instruction or one locked section, run at the object's home node. */
export function defineHandler<A, R>(
  name: string,
  run: HandlerFunction<KernelNode, A, R>,
  lock: string | null = null,
): Handler<KernelNode, A, R> {
  return register(name, run, lock, false);
}

/**
 * Register a homed operation that touches only what all CPUs of its home node share, by atomic steps or words of one
 * writer: the sender may run it itself if it is on that node. A patch that replaces it keeps to that.
 */
export const defineAtomic = <A, R>(name: string, run: HandlerFunction<NodeMemory, A, R>): Handler<NodeMemory, A, R> =>
  register(name, run, null, true);

function register<N, A, R>(
  name: string,
  run: HandlerFunction<N, A, R>,
  lock: string | null,
  atomic: boolean,
): Handler<N, A, R> {
  const handler: Handler<N, A, R> = {
    kind: 'handler',
    name,
    index: handlers.length,
    hash: hashName(name),
    run,
    lock,
    atomic,
  };
  handlers.push(handler);
  return handler;
}

/** Names of all handlers. */
export const handlerNames = (): readonly string[] => handlers.map(({ name }) => name);

/** The handler with this number on the wire; undefined if there is none. */
export const handlerAt = (index: number): Handler<never, never, unknown> | undefined => handlers[index];

/** How many handlers are registered. */
export const handlerCount = (): number => handlers.length;

/** Register the body of a section under a spinlock on one home, e.g. list_lock; wait and hold times are recorded. */
export const defineSection = <A, R>(
  lock: string,
  name: string,
  run: HandlerFunction<KernelNode, A, R>,
): Handler<KernelNode, A, R> => defineHandler(name, run, lock);

/** A name that a patch gives and nothing has; `known` are those that there are. */
export class UnknownName extends Error {
  constructor(
    what: string,
    readonly wanted: string,
    readonly known: readonly string[],
  ) {
    super(`no ${what} is called ${wanted}`);
  }
}

/** A kernel function that is started by name on some CPU, with one number or handle of data. */
export type NamedFunction = (cpu: Cpu, data: number) => Coroutine<void>;

export const functionKinds = ['csd', 'work', 'rcu', 'timer', 'thread', 'release', 'confirm'] as const;

export type FunctionKind = (typeof functionKinds)[number];

type FunctionsByName = Map<string, NamedFunction>;

const functions = new Map<FunctionKind, FunctionsByName>();

/** Names of the functions of a kind by their numbers, and the numbers by name. */
const names = new Map<FunctionKind, string[]>();
const numbers = new Map<FunctionKind, Map<string, number>>();

/** Register a csd function, work function, RCU callback, timer function, thread or percpu_ref callback by its kernel name. */
export function defineFunction(kind: FunctionKind, name: string, fn: NamedFunction): string {
  const byName = functions.get(kind) ?? new Map<string, NamedFunction>();
  if (byName.has(name)) throw new Error(`${kind} function ${name} is registered twice`);
  functions.set(kind, byName.set(name, fn));
  giveNumber(kind, name);
  return name;
}

/** A name keeps the number that it has. */
function giveNumber(kind: FunctionKind, name: string): void {
  const numberOf = numbers.get(kind) ?? new Map<string, number>();
  if (numberOf.has(name)) return;
  const list = names.get(kind) ?? [];
  numbers.set(kind, numberOf.set(name, list.length));
  names.set(kind, [...list, name]);
}

/** Names of all functions of a kind. */
export const functionNames = (kind: FunctionKind): readonly string[] => names.get(kind) ?? [];

/** Number of a function within its kind, the same in every process. @throws Error if no function of this kind has the name */
export function functionNumber(kind: FunctionKind, name: string): number {
  const number = numbers.get(kind)?.get(name);
  if (number === undefined) throw new Error(`no ${kind} function is called ${name}`);
  return number;
}

/** @throws Error if no function of this kind has the number */
export function functionName(kind: FunctionKind, number: number): string {
  const name = names.get(kind)?.[number];
  if (name === undefined) throw new Error(`no ${kind} function has number ${number}`);
  return name;
}

/** A function or handler that a patch has given a kernel. */
export interface Replacement {
  readonly kind: FunctionKind | 'handler';
  readonly name: string;
}

/**
 * The functions of one kernel build: the registered ones, some of them replaced by its patches. Every start of a named
 * function and every handler run looks here.
 */
export class FunctionTable {
  private readonly handlers = handlers.map((handler) => handler.run);
  private readonly functions = new Map([...functions].map(([kind, byName]) => [kind, new Map(byName)]));

  private readonly replaced: Replacement[] = [];

  /** What was replaced or added, in that order. */
  get replacements(): readonly Replacement[] {
    return this.replaced;
  }

  handler<N, A, R>(handler: Handler<N, A, R>): HandlerFunction<N, A, R> {
    return this.handlers[handler.index] as HandlerFunction<N, A, R>;
  }

  /** @throws UnknownName if no function of this kind has the name, or there is no such kind. */
  find(kind: FunctionKind, name: string): NamedFunction {
    const fn = this.functions.get(kind)?.get(name);
    if (fn === undefined) throw notFound(kind, name);
    return fn;
  }

  /**
   * Add a named function to this kernel, which can be started by its name on every CPU. All threads of a machine build its
   * kernel from the same patches in the same order, so the name has the same number in each.
   * @throws UnknownName if there is no such kind
   * @throws Error if the kind has a function of this name, or `fn` is no generator function
   */
  define(kind: FunctionKind, name: string, fn: NamedFunction): void {
    const byName = this.functions.get(kind);
    if (byName === undefined) throw notFound(kind, name);
    if (byName.has(name)) throw new Error(`there is a ${kind} function ${name} already; choose another name`);
    byName.set(name, checked(`${kind} function ${name}`, fn, 'generator function'));
    giveNumber(kind, name);
    this.replaced.push({ kind, name });
  }

  /**
   * Replace a named function; `wrap` gets the one that served until now.
   * @throws UnknownName if no function of this kind has the name, or there is no such kind
   * @throws Error if what `wrap` returns is no generator function
   */
  replaceFunction(kind: FunctionKind, name: string, wrap: (original: NamedFunction) => NamedFunction): void {
    const replacement = checked(
      `the replacement of ${kind} function ${name}`,
      wrap(this.find(kind, name)),
      'generator function',
    );
    this.functions.get(kind)?.set(name, replacement);
    this.replaced.push({ kind, name });
  }

  /**
   * Replace a handler, by name; `wrap` gets the one that served until now.
   * @throws UnknownName if no handler has the name
   * @throws Error if what `wrap` returns is no ordinary function
   */
  replaceHandler(
    name: string,
    wrap: (original: HandlerFunction<KernelNode, never, unknown>) => HandlerFunction<KernelNode, never, unknown>,
  ): void {
    const index = handlers.findIndex((handler) => handler.name === name);
    const original = this.handlers[index];
    if (original === undefined) throw new UnknownName('handler', name, handlerNames());
    const replacement = wrap(original as HandlerFunction<KernelNode, never, unknown>);
    this.handlers[index] = checked(`the replacement of handler ${name}`, replacement, 'function') as never;
    this.replaced.push({ kind: 'handler', name });
  }
}

const notFound = (kind: FunctionKind, name: string): UnknownName =>
  functionKinds.includes(kind)
    ? new UnknownName(`${kind} function`, name, functionNames(kind))
    : new UnknownName('kind of function', kind, functionKinds);

function checked<F>(what: string, fn: F, wanted: string): F {
  const kind = valueKind(fn);
  if (!mayReplace(kind, wanted)) throw new Error(`${what} is ${kind}, not a ${wanted}`);
  return fn;
}
