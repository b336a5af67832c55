import { type Program, sys } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { MemcgLab } from './memcg-labs.js';

const CACHE = 'module_cache';
const versions = ['v4.10', 'v4.12', 'v5.2', 'v5.3'];

/** Objects of the module's cache are used in a memcg, so that the memcg gets a cache of its own. */
function* useModule(): Program<void> {
  yield* sys.useCache(CACHE);
  yield* sys.flushCreation();
  yield* sys.useCache(CACHE);
}

function labWithModule(version: string, flags = 'a'): MemcgLab {
  const lab = new MemcgLab({ version });
  lab.run(sys.initModule(CACHE, 300, flags));
  return lab;
}

describe.each(versions)('%s: a module that is unloaded', (version) => {
  it.each(['a', ...(version === 'v5.3' ? [] : ['ar'])])('takes along the caches of all memcgs (flags %s)', (flags) => {
    const lab = labWithModule(version, flags);
    for (const name of ['a', 'b', 'c']) lab.inMemcg(name, useModule());
    expect(lab.memcgCaches).toBe(3);
    const grown = lab.growth(['caches_destroyed', 'shutdown_cache'], () => {
      lab.run(sys.deleteModule(CACHE));
      lab.settle();
    });
    expect(grown).toEqual({ caches_destroyed: 4, shutdown_cache: 4 });
    expect(lab.memcgCaches).toBe(0);
    lab.run(sys.initModule(CACHE, 300, flags));
    lab.inMemcg('d', useModule());
    expect(lab.memcgCaches).toBe(1);
  });

  it('takes along a cache whose memcg is offline', () => {
    const lab = labWithModule(version);
    lab.inMemcg('a', sys.keepObject(CACHE) as unknown as Program<void>);
    lab.inMemcg('b', keepInOwnCache());
    lab.run(sys.rmdir('b'));
    lab.settle();
    lab.run(sys.reclaim());
    lab.settle();
    lab.run(sys.deleteModule(CACHE));
    lab.settle();
    expect(lab.memcgCaches).toBe(0);
  });

  it('leaves root and child in place while an object of the child is in use', () => {
    const lab = labWithModule(version);
    lab.inMemcg('a', keepInOwnCache());
    lab.inMemcg('b', useModule());
    const grown = lab.growth(['caches_destroyed'], () => {
      lab.run(sys.deleteModule(CACHE));
      lab.settle();
    });
    expect(grown).toEqual({ caches_destroyed: 1 });
    expect(lab.memcgCaches).toBe(1);
  });
});

function* keepInOwnCache(): Program<void> {
  yield* sys.useCache(CACHE);
  yield* sys.flushCreation();
  yield* sys.keepObject(CACHE);
}

/** What the machine says of all that follows. */
function verdictOf(act: () => void): string {
  try {
    act();
    return 'none';
  } catch (error) {
    return /"class":"([^"]+)"/.exec(String(error))?.[1] ?? String(error);
  }
}

/** Writes tunables, which takes slab_mutex for several grace periods. */
function* tune(): Program<void> {
  const fd = yield* sys.open('/proc/slabinfo');
  yield* sys.write(fd, 'dentry 100 60 8\n');
}

describe('a creation that is queued while the module is unloaded', () => {
  it.each([
    ['v4.10', 'use-after-free'],
    ['v4.12', 'use-after-free'],
    ['v5.2', 'none'],
    ['v5.3', 'none'],
  ])('in %s ends in: %s (V3-b, V4-b)', (version, verdict) => {
    const lab = labWithModule(version);
    lab.run(tune());
    const mutex = lab.machine.nodes[0]?.mutex('slab_mutex');
    const found = verdictOf(() => {
      lab.inMemcg(
        'a',
        (function* useMeanwhile(): Program<void> {
          yield* sys.nanosleep(1e6);
          const tuner = lab.start(tune(), 2);
          yield* sys.nanosleep(1e6);
          const unloader = lab.start(sys.deleteModule(CACHE), 1);
          yield* sys.nanosleep(0.1e6);
          expect(mutex?.owner).not.toBe(0);
          yield* sys.useCache(CACHE);
          yield* sys.nanosleep(500e6);
          for (const pid of [tuner, unloader]) expect(lab.machine.outcomeOf(pid)).not.toBe(null);
        })(),
      );
      lab.settle();
    });
    expect(found).toBe(verdict);
  });
});

describe('a module that is unloaded while a memcg goes offline', () => {
  /** The memcg's cache has been deactivated, and nothing that this leads to has happened yet. */
  function unloadDuringOffline(version: string, flags: string): string {
    const lab = labWithModule(version, flags);
    lab.inMemcg('a', useModule());
    lab.inMemcg('b', useModule());
    lab.run(sys.rmdir('a'));
    const offline = (): boolean =>
      lab.machine.nodes.some((node) =>
        [...node.csses.entries()].some(([, css]) => css.memcg?.kmemState === 'allocated'),
      );
    lab.until(offline);
    return verdictOf(() => {
      lab.run(sys.deleteModule(CACHE));
      lab.settle();
    });
  }

  it.each([
    ['v4.10', 'a', 'none'],
    ['v4.12', 'a', 'none'],
    ['v5.2', 'a', 'none'],
    ['v5.3', 'a', 'use-after-free'],
  ])(
    'in %s (flags %s) ends in: %s (V5p-e: the switch of the killed reference is under way)',
    (version, flags, verdict) => {
      expect(unloadDuringOffline(version, flags)).toBe(verdict);
    },
  );
});

it('5.3.1 clears the memcg pointer of an RCU-typed cache before its page callbacks have run', () => {
  const lab = labWithModule('v5.3', 'ar');
  lab.inMemcg('a', useModule());
  const verdict = verdictOf(() => {
    lab.run(sys.deleteModule(CACHE));
    lab.settle();
  });
  expect(verdict).toBe('invariant-broken');
});
