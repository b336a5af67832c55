import { describe, expect, it } from 'vitest';
import './index.js';
import { FunctionTable, functionName, functionNumber, handlerAt, handlerCount } from './registry.js';
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
});
