import { type Patch, type Program, patchApi, sys, writeFile } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, type Lab } from './lab.js';
import {
  changed,
  createMany,
  labInMemcg,
  lookUp,
  memcgOf,
  moveTo,
  onCpu1,
  PAGE,
  tmpFile,
  unused,
  usageOf,
} from './memcg-lab.js';

/** use_hierarchy: the counters of every memcg are contained in its parent's. */
const hierarchy = changed('use-hierarchy', (kernel) => {
  kernel.functions.replaceHandler('cgroup.allocate', (original) => (node, args, context) => {
    const { parent } = args as { parent: { memory: Handle } };
    return original(node, { ...(args as object), counterParent: parent.memory } as never, context);
  });
});

/** The task in a/b, whose caches exist, with unused dentries on b's lists. */
function labInNested(patch: Patch): Lab {
  const lab = labInMemcg({ patch });
  lab.run(sys.mkdir(`${HIERARCHY}/a/b`));
  lab.run(moveTo('a/b', lab.taskPid), onCpu1);
  lab.run(tmpFile('/tmp/warm'), onCpu1);
  lab.run(lookUp(1), onCpu1);
  lab.flushCreation();
  lab.run(lookUp(10), onCpu1);
  return lab;
}

const cgroupLists = (lab: Lab): [id: number, count: number][] => {
  const lru = lab.machine.nodes[0]?.listLrus.of('cgroup');
  return (lru?.ids ?? []).map((id) => [id, lru?.count(id) ?? 0]);
};

const idOf = (lab: Lab, name: string): number =>
  (lab.machine.nodes[0]?.published.csses.read(memcgOf(lab, name), patchApi.CssField.kmemcgId) ?? 0) - 1;

describe('memcgs in a hierarchy', () => {
  it('that go offline hand their lists and ids to the parent, those of dead descendants too', () => {
    const lab = labInNested(hierarchy);
    const inB = unused(lab, memcgOf(lab, 'b'));
    expect(inB).toBeGreaterThan(10);
    lab.run(moveTo('', lab.taskPid), onCpu1);
    lab.run(sys.rmdir(`${HIERARCHY}/a/b`));
    lab.settle();
    expect([idOf(lab, 'b'), unused(lab, memcgOf(lab, 'a'))]).toEqual([idOf(lab, 'a'), unused(lab, memcgOf(lab, 'b'))]);
    expect(unused(lab, memcgOf(lab, 'a'))).toBeGreaterThanOrEqual(inB);
    lab.run(sys.rmdir(`${HIERARCHY}/a`));
    lab.settle();
    expect([idOf(lab, 'b'), idOf(lab, 'a')]).toEqual([-1, -1]);
    expect(cgroupLists(lab).map(([id]) => id)).toEqual([-1]);
  });

  it('without it hand them to the root, whatever cgroup they are in', () => {
    const lab = labInNested(changed('nothing', () => {}));
    lab.run(moveTo('', lab.taskPid), onCpu1);
    lab.run(sys.rmdir(`${HIERARCHY}/a/b`));
    lab.settle();
    expect([idOf(lab, 'b'), idOf(lab, 'a')]).toEqual([-1, 0]);
  });

  it('are reclaimed from at the limit of an ancestor', () => {
    const lab = labInNested(hierarchy);
    const memcg = memcgOf(lab, 'b');
    const before = unused(lab, memcg);
    const limit = usageOf(lab, 'a');
    expect(limit).toBeGreaterThanOrEqual(usageOf(lab, 'b'));
    lab.finish(lab.start(writeFile(`${HIERARCHY}/a/memory.limit_in_bytes`, `${limit * PAGE}\n`), 0));
    expect(() => lab.run(createMany(), onCpu1)).toThrow('errno 12');
    lab.settle();
    expect(unused(lab, memcg)).toBeLessThan(before / 4);
    expect(usageOf(lab, 'a')).toBeLessThanOrEqual(limit);
  });
});

/** Slab pages that a memcg counts with all below it, as far as CPUs have passed them on. */
const passedOn = (lab: Lab, name: string): number => {
  const css = memcgOf(lab, name);
  const memcg = lab.machine.nodes.map(({ csses }) => csses.peek(css)?.memcg).find((found) => found);
  return memcg?.vm.slab.recursive.reduce((sum, pages) => sum + (pages ?? 0), 0) ?? 0;
};

describe('slab statistics of a memcg', () => {
  it('reach all ancestors once a CPU holds more than a batch back', () => {
    const batched = changed('batched', (kernel, api) => {
      hierarchy.apply(kernel, api, {});
      kernel.policies.reclaim.statBatch = 4;
    });
    const lab = labInNested(batched);
    lab.run(lookUp(60), onCpu1);
    expect(passedOn(lab, 'b')).toBeGreaterThan(4);
    expect(passedOn(lab, 'a')).toBeGreaterThanOrEqual(passedOn(lab, 'b'));
    expect(passedOn(lab, '/')).toBeGreaterThanOrEqual(passedOn(lab, 'a'));
  });

  it('drift if they are flushed at offline and the CPUs keep what they hold (5.3)', () => {
    const flushing = changed('flush', (kernel, api) => {
      hierarchy.apply(kernel, api, {});
      const { memcg } = kernel.policies;
      const { offline, free } = memcg;
      memcg.offline = function* offlineAndFlush(cpu, css) {
        yield* api.call(offline, cpu, css);
        yield* api.call(api.memcgFlushPercpuVmstats, cpu, css, true);
        yield* api.call(api.drainAllStock, cpu, css);
      };
      memcg.free = function* freeAndFlush(cpu, css) {
        yield* api.call(free, cpu, css);
        yield* api.call(api.memcgFlushPercpuVmstats, cpu, css, false);
      };
    });
    const lab = labInMemcg({ patch: flushing });
    lab.run(lookUp(10), onCpu1);
    lab.run(moveTo('', lab.taskPid), onCpu1);
    lab.run(sys.rmdir(`${HIERARCHY}/a`));
    lab.settle();
    expect(lab.memcgs()).toContain('a');
    const held = passedOn(lab, 'a');
    expect(held).toBeGreaterThan(0);
    expect(passedOn(lab, '/')).toBe(held);
    lab.run(dropAndReap(), onCpu1);
    lab.settle();
    expect(lab.memcgs()).not.toContain('a');
    expect(passedOn(lab, '/')).toBe(held);
  });
});

function* dropAndReap(): Program<void> {
  for (let n = 0; n < 3; n++) yield* writeFile('/proc/sys/vm/drop_caches', '2\n');
  for (let n = 0; n < 60; n++) yield* sys.nanosleep(0.25e9);
}
