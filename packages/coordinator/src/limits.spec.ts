import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resources } from './host/resources.js';
import { checkLimits, mostCpusInOneNode } from './limits.js';

const unlimited: Resources = { memory: Infinity, mapsPerProcess: Infinity, threads: Infinity, threadLimit: 'nothing' };

describe('checkLimits', () => {
  it('lets through what fits', () => {
    expect(checkLimits({ nodes: 8, cpusPerNode: 512 }, unlimited)).toBeNull();
    expect(checkLimits({ nodes: 2, cpusPerNode: 4 }, { ...unlimited, memory: 1e9 })).toBeNull();
  });

  it('says how much memory is missing and how many CPUs would have fit', () => {
    expect(checkLimits({ nodes: 2, cpusPerNode: 64 }, { ...unlimited, memory: 1e9 })).toBe(
      '2 nodes of 64 CPUs need about 1.7 GB of memory and 1.0 GB are free; this computer can hold 36 CPUs per node',
    );
  });

  it('says how many nodes would have fit if not even one CPU per node does', () => {
    expect(checkLimits({ nodes: 32, cpusPerNode: 2 }, { ...unlimited, memory: 0.5e9 })).toMatch(
      /this computer can hold 5 nodes of 2 CPUs$/,
    );
  });

  it('knows the mappings that a process may have', () => {
    expect(checkLimits({ nodes: 1, cpusPerNode: 2_000 }, { ...unlimited, mapsPerProcess: 65_530 })).toBe(
      '1 node of 2000 CPUs needs about 72600 memory mappings in each node process and vm.max_map_count allows 65530; ' +
        'this computer can hold 1803 CPUs per node',
    );
  });

  it('names the limit on threads', () => {
    const few = { ...unlimited, threads: 100, threadLimit: 'pids.max of the control group' };
    expect(checkLimits({ nodes: 2, cpusPerNode: 32 }, few)).toBe(
      '2 nodes of 32 CPUs need about 88 threads and pids.max of the control group leaves 100; ' +
        'this computer can hold 23 CPUs per node',
    );
  });

  it('says that nothing fits if nothing does', () => {
    expect(checkLimits({ nodes: 1, cpusPerNode: 1 }, { ...unlimited, memory: 1e6 })).toMatch(
      /can hold no node of that size$/,
    );
  });

  it('always names a machine that fits', () => {
    const resources = fc.record({
      memory: fc.integer({ min: 1e6, max: 4e9 }),
      mapsPerProcess: fc.integer({ min: 500, max: 70_000 }),
      threads: fc.integer({ min: 10, max: 2_000 }),
      threadLimit: fc.constant('x'),
    });
    const size = fc.record({ nodes: fc.integer({ min: 1, max: 64 }), cpusPerNode: fc.integer({ min: 1, max: 512 }) });
    fc.assert(
      fc.property(size, resources, (wish, given) => {
        const sentence = checkLimits(wish, given);
        const cpus = /can hold (\d+) CPUs? per node$/.exec(sentence ?? '')?.[1];
        const nodes = /can hold (\d+) nodes? of/.exec(sentence ?? '')?.[1];
        if (cpus !== undefined) expect(checkLimits({ ...wish, cpusPerNode: Number(cpus) }, given)).toBeNull();
        if (nodes !== undefined) expect(checkLimits({ ...wish, nodes: Number(nodes) }, given)).toBeNull();
      }),
    );
  });
});

describe('mostCpusInOneNode', () => {
  it('is the largest node that fits', () => {
    const resources = { ...unlimited, memory: 2e9 };
    const most = mostCpusInOneNode(resources);
    expect(checkLimits({ nodes: 1, cpusPerNode: most }, resources)).toBeNull();
    expect(checkLimits({ nodes: 1, cpusPerNode: most + 1 }, resources)).not.toBeNull();
    expect(mostCpusInOneNode({ ...unlimited, memory: 1e6 })).toBe(0);
  });

  it('is at least four here', () => {
    expect(mostCpusInOneNode()).toBeGreaterThanOrEqual(4);
  });
});
