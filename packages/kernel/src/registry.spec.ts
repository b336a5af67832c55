import { describe, expect, it } from 'vitest';
import './index.js';
import {
  type FunctionKind,
  FunctionTable,
  functionKinds,
  functionName,
  functionNames,
  functionNumber,
  handlerAt,
  handlerCount,
  type NamedFunction,
  UnknownName,
} from './registry.js';
import { csdEnqueue, csdUnlock } from './smp/handlers.js';

describe('handlers', () => {
  it('are found by their numbers', () => {
    const names = Array.from({ length: handlerCount() }, (_, index) => handlerAt(index)?.name);
    expect(new Set(names).size).toBe(handlerCount());
    expect(handlerAt(csdEnqueue.index)).toBe(csdEnqueue);
    expect(handlerAt(handlerCount())).toBeUndefined();
  });

  it('are atomic only where shared memory is all that they touch', () => {
    const all = Array.from({ length: handlerCount() }, (_, index) => handlerAt(index));
    const atomic = all.filter((handler) => handler?.atomic).map((handler) => handler?.name);
    expect(atomic.sort()).toEqual(['sched.complete', 'slub.hasCpuSlab', csdEnqueue.name, csdUnlock.name].sort());
  });
});

describe('functions', () => {
  it('have a number within their kind', () => {
    expect(functionName('csd', functionNumber('csd', 'do_drain'))).toBe('do_drain');
    expect(() => functionNumber('csd', 'cache_reap')).toThrow('no csd function is called cache_reap');
    expect(() => functionName('csd', 1000)).toThrow('no csd function has number 1000');
  });

  it('can be replaced in one build', () => {
    const build = new FunctionTable();
    const replaced = function* nothing() {};
    build.replaceFunction('csd', 'do_nothing', () => replaced);
    expect(build.find('csd', 'do_nothing')).toBe(replaced);
    expect(new FunctionTable().find('csd', 'do_nothing')).not.toBe(replaced);
  });

  it('are replaced by functions that are not asynchronous, handlers by ordinary ones', () => {
    const build = new FunctionTable();
    const replace = (wrapped: unknown) => () =>
      build.replaceFunction('work', 'cache_reap', () => wrapped as NamedFunction);
    const wrong = 'the replacement of work function cache_reap is';
    expect(replace(undefined)).toThrow(`${wrong} undefined, not a generator function`);
    expect(replace({})).toThrow(`${wrong} object, not a generator function`);
    expect(replace(async () => {})).toThrow(`${wrong} async function, not a generator function`);
    expect(() => build.replaceHandler('mutex.unlock', () => undefined as never)).toThrow(
      'the replacement of handler mutex.unlock is undefined, not a function',
    );
    expect(() => build.replaceHandler('mutex.unlock', () => function* () {} as never)).toThrow(
      'the replacement of handler mutex.unlock is generator function, not a function',
    );
  });

  it('are added to one build, and have numbers like the others', () => {
    const build = new FunctionTable();
    const added = function* added() {};
    build.define('work', 'mine_func', added);
    expect(build.find('work', 'mine_func')).toBe(added);
    expect(functionName('work', functionNumber('work', 'mine_func'))).toBe('mine_func');
    expect(() => build.define('work', 'mine_func', added)).toThrow('there is a work function mine_func already');
    expect(() => build.define('work', 'cache_reap', added)).toThrow('there is a work function cache_reap already');
    expect(() => build.define('work', 'other', (async () => {}) as never)).toThrow(
      'other is async function, not a generator',
    );
    expect(() => build.define('tasklet' as FunctionKind, 'x', added)).toThrow(UnknownName);
    const another = new FunctionTable();
    expect(() => another.find('work', 'mine_func')).toThrow('no work function is called mine_func');
    const number = functionNumber('work', 'mine_func');
    another.define('work', 'mine_func', added);
    expect(functionNumber('work', 'mine_func')).toBe(number);
  });

  it('of no kind or name that there is are not replaced', () => {
    const build = new FunctionTable();
    const same = (original: NamedFunction) => original;
    expect(() => build.replaceFunction('tasklet' as FunctionKind, 'x', same)).toThrow(
      expect.objectContaining({ message: 'no kind of function is called tasklet', known: functionKinds }),
    );
    expect(() => build.replaceFunction('work', 'cache_reep', same)).toThrow(
      expect.objectContaining({ wanted: 'cache_reep', known: functionNames('work') }),
    );
    expect(() => build.replaceHandler('mutex.unlok', (original) => original)).toThrow(UnknownName);
  });
});
