import { type Program, sys } from '@kmemlab/kernel';
import { attempt, enterHierarchy, makeCgroup } from '../hierarchy.js';
import type { GuestControl } from '../lab/types.js';
import { pinned, workIn } from '../work-in.js';

const SECOND = 1e9;
/** Between the first two attempts to load a module again, and by how much longer each wait is than the last. */
const RETRY_NS = 2000;
const PATIENCE = 1.25;
/** A module that has nothing to do with memcgs, and bytes of its objects. */
const BYSTANDER = 'bystander_cache';
const BYSTANDER_SIZE = 200;

export type When = 'idle' | 'creating' | 'removing';

export interface Scope {
  readonly memcgs: number;
  readonly modules: number;
  /** bytes */
  readonly size: number;
  readonly rcuTyped: boolean;
  /** Each cache may be shared with that of a second module, which alone is unloaded. */
  readonly aliased: boolean;
  readonly when: When;
  /** Each module is loaded again as soon as its name is free. */
  readonly reloads: boolean;
  /** From the trigger to the first unloading, and between two, ns. */
  readonly gap: number;
  readonly every: number;
  /** CPUs. */
  readonly unloader: number;
  readonly user: number;
  readonly contender: number;
  /** Times that another module is loaded and unloaded meanwhile. */
  readonly contend: number;
}

const named = (modules: number, kind = 'cache'): string[] =>
  Array.from({ length: modules }, (_, n) => `module_${kind}_${n}`);

const aliasOf = (name: string): string => name.replace('cache', 'alias');

/** What is unloaded. */
const goingOf = ({ modules, aliased }: Scope): string[] => {
  const names = named(modules);
  return aliased ? names.map(aliasOf) : names;
};

/** A constructor keeps caches that are to stay alone from being merged. */
function flagsOf({ rcuTyped, aliased }: Scope): string {
  if (rcuTyped) return 'ar';
  return aliased ? 'a' : 'ac';
}

export function* loadProgram(scope: Scope): Program<void> {
  const flags = flagsOf(scope);
  const names = named(scope.modules);
  for (const name of scope.aliased ? [...names, ...names.map(aliasOf)] : names) {
    yield* sys.initModule(name, scope.size, flags);
  }
}

/** The memcgs are made, and unless that is the trigger a task in each uses the modules. */
export function* useProgram({ tick }: GuestControl, scope: Scope): Program<void> {
  yield* enterHierarchy();
  for (let i = 0; i < scope.memcgs; i++) yield* makeCgroup(String(i));
  for (let i = 0; i < scope.memcgs; i++) {
    if (scope.when !== 'creating') yield* inMemcg(String(i), scope, usesOwn);
    tick(i + 1);
  }
}

/** A task in a memcg, until it has exited. */
const inMemcg = (directory: string, scope: Scope, program: (scope: Scope) => Program<void>): Program<void> =>
  workIn(directory, `user of ${directory}`, scope.user, () => program(scope));

/** Has the memcg's caches made, by using each once, and uses these. */
function* usesOwn({ modules }: Scope): Program<void> {
  for (const name of named(modules)) yield* sys.useCache(name);
  yield* sys.flushCreation();
  for (const name of named(modules)) yield* sys.useCache(name);
}

/** The modules go on one CPU, while memcgs ask for caches or go on another. A second later all that followed is over. */
export function* unloadProgram(scope: Scope): Program<void> {
  const { when, memcgs, aliased, contend } = scope;
  const program = () => unloadModules(scope);
  if (contend > 0) {
    const contends = () => contendProgram(contend);
    yield* sys.fork({ name: 'contender', program: contends, placement: pinned(scope.contender) });
  }
  const unloader = yield* sys.fork({ name: 'rmmod', program, placement: pinned(scope.unloader) });
  if (scope.reloads) {
    yield* sys.fork({ name: 'modprobe', program: () => loadAgain(scope), placement: pinned(scope.user) });
  }
  if (when === 'idle') yield* sys.kill(unloader);
  if (when === 'creating') yield* askForCaches(scope, unloader);
  if (when === 'removing') {
    yield* sys.kill(unloader);
    for (let i = 0; i < memcgs; i++) yield* sys.rmdir(String(i));
  }
  yield* sys.wait();
  if (scope.reloads) yield* sys.wait();
  if (contend > 0) yield* sys.wait();
  if (aliased) {
    yield* makeCgroup('later');
    yield* inMemcg('later', scope, usesOwn);
  }
  yield* sys.nanosleep(SECOND);
}

/** Tries, on another CPU than that which unloads, until each module has been loaded again. */
function* loadAgain(scope: Scope): Program<void> {
  for (const name of goingOf(scope)) {
    for (let wait = RETRY_NS; ; wait = Math.ceil(PATIENCE * wait)) {
      if (yield* attempt(sys.initModule(name, scope.size, flagsOf(scope)))) break;
      yield* sys.nanosleep(wait);
    }
  }
}

/** Has slab_mutex again and again. */
function* contendProgram(times: number): Program<void> {
  for (let n = 0; n < times; n++) {
    yield* sys.initModule(BYSTANDER, BYSTANDER_SIZE, 'c');
    yield* sys.deleteModule(BYSTANDER);
  }
}

/** In each memcg each module is used once; after the last use, the modules may go. */
function* askForCaches(scope: Scope, unloader: number): Program<void> {
  for (let i = 0; i < scope.memcgs; i++) {
    yield* inMemcg(String(i), scope, function* asks({ modules }): Program<void> {
      for (const name of named(modules)) yield* sys.useCache(name);
      if (i === scope.memcgs - 1) yield* sys.kill(unloader);
    });
  }
}

/** Waits until it is woken. While caches are being created, the module goes first whose caches come last. */
function* unloadModules(scope: Scope): Program<void> {
  const { when, gap, every } = scope;
  yield* sys.pause();
  if (gap > 0) yield* sys.nanosleep(gap);
  const going = goingOf(scope);
  for (const [n, name] of (when === 'creating' ? going.reverse() : going).entries()) {
    if (n > 0 && every > 0) yield* sys.nanosleep(every);
    yield* sys.deleteModule(name);
  }
}
