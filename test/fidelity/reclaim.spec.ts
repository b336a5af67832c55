import { type Patch, readFile, sys, writeFile } from '@kmemlab/kernel';
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

describe('a memcg at its memory limit', () => {
  it('reclaims, has its stocks drained once, tries five times more, and then refuses', () => {
    const lab = labInMemcg();
    lab.run(writeFile(`${HIERARCHY}/a/memory.limit_in_bytes`, `${64 * PAGE}\n`));
    const names = ['try_to_free_mem_cgroup_pages', 'drain_all_stock', 'mem_cgroup_oom'] as const;
    const grown = lab.growth(names, () => {
      expect(() => lab.run(createMany(), onCpu1)).toThrow('errno 12');
      lab.settle();
    });
    expect(grown).toEqual({ try_to_free_mem_cgroup_pages: 7, drain_all_stock: 1, mem_cgroup_oom: 1 });
    expect(lab.count('vmpressure_critical')).toBeGreaterThan(0);
    expect(lab.count('vmpressure_low') + lab.count('vmpressure_medium')).toBe(0);
    const usage = usageOf(lab, 'a');
    expect(usage).toBeLessThanOrEqual(64);
    expect(usage).toBeGreaterThan(60);
  });

  it('gets its unused dentries back, so that later allocations succeed', () => {
    const lab = labInMemcg();
    lab.run(lookUp(60), onCpu1);
    const memcg = memcgOf(lab, 'a');
    const before = unused(lab, memcg);
    expect(before).toBeGreaterThanOrEqual(60);
    const usage = Number(lab.run(readFile(`${HIERARCHY}/a/memory.usage_in_bytes`)));
    lab.run(writeFile(`${HIERARCHY}/a/memory.limit_in_bytes`, `${usage}\n`));
    expect(() => lab.run(createMany(), onCpu1)).toThrow('errno 12');
    lab.settle();
    expect(unused(lab, memcg)).toBeLessThan(before / 4);
    lab.run(tmpFile('/tmp/after'), onCpu1);
  });

  it('tells a listener at the nearest ancestor that has one how bad it is', () => {
    const told: string[] = [];
    const patch = changed('listen', ({ policies }) => {
      // biome-ignore lint/correctness/useYield: a listener may do anything
      policies.reclaim.onPressure = function* listen(_cpu, _memcg, level) {
        told.push(level);
        return true;
      };
    });
    const lab = labInMemcg({ patch });
    lab.run(writeFile(`${HIERARCHY}/a/memory.limit_in_bytes`, `${40 * PAGE}\n`));
    expect(() => lab.run(createMany(), onCpu1)).toThrow('errno 12');
    lab.settle();
    expect(new Set(told)).toEqual(new Set(['critical']));
  });
});

describe('memory.force_empty', () => {
  it('frees the unused dentries of the memcg and nobody else’s', () => {
    const lab = labInMemcg({ nodes: 2, cpus: 2 });
    lab.run(lookUp(20), onCpu1);
    lab.run(sys.mkdir(`${HIERARCHY}/b`));
    lab.run(moveTo('', lab.taskPid), onCpu1);
    const memcg = memcgOf(lab, 'a');
    expect(unused(lab, memcg)).toBeGreaterThanOrEqual(20);
    const root = unused(lab, memcgOf(lab, '/'));
    expect(root).toBeGreaterThan(0);
    lab.run(writeFile(`${HIERARCHY}/a/memory.force_empty`, '1\n'));
    lab.settle();
    expect(unused(lab, memcg)).toBe(0);
    expect(unused(lab, memcgOf(lab, '/'))).toBeGreaterThanOrEqual(root);
  });
});

describe('drain_all_stock when a memcg goes offline', () => {
  const drains = changed('drain-stock', ({ policies }) => {
    policies.reclaim.drainStockAtOffline = true;
  });

  /** The task leaves `a`, whose pages stay in CPU1's stock, and a task on CPU0 removes it. */
  function removedFromCpu0(patch: Patch): Lab {
    const lab = labInMemcg({ patch });
    lab.run(moveTo('', lab.taskPid), onCpu1);
    expect(lab.cpu(1).stock.pages).toBeGreaterThan(0);
    lab.finish(lab.start(sys.rmdir(`${HIERARCHY}/a`), 0));
    lab.settle();
    return lab;
  }

  it('gives the pages back by a work item on the CPU that has them, and the memcg goes', () => {
    const lab = removedFromCpu0(drains);
    expect(lab.cpu(1).counters.get('drain_local_stock')).toBe(1);
    expect(lab.count('drain_local_stock')).toBe(1);
    expect([lab.cpu(1).stock.pages, lab.cpu(1).stock.flushing]).toEqual([0, false]);
    expect(lab.memcgs()).toEqual(['/']);
  });

  it('is skipped, without another try, while somebody else drains: the stock pins the memcg', () => {
    const busy = changed('busy', (kernel, api) => {
      drains.apply(kernel, api, {});
      const { trylock } = kernel.policies.locking;
      kernel.policies.locking.trylock = (cpu, name) => (name === 'percpu_charge_mutex' ? refuse() : trylock(cpu, name));
    });
    const lab = removedFromCpu0(busy);
    expect(lab.count('drain_all_stock_skipped')).toBe(1);
    expect(lab.memcgs()).toEqual(['/', 'a']);
  });
});

// biome-ignore lint/correctness/useYield: a refusal takes no time
function* refuse() {
  return false;
}

describe('charging to another memcg', () => {
  it('takes the object from that memcg’s cache, and from the own one afterwards', () => {
    const patch = changed('remote-charging', ({ policies }) => {
      policies.reclaim.remoteCharging = true;
    });
    const lab = labInMemcg({ patch });
    lab.run(sys.mmap());
    lab.flushCreation();
    lab.run(moveTo('', lab.taskPid), onCpu1);
    expect(lab.allocations(sys.mmap())).toEqual(['vm_area_struct']);
    expect(lab.allocations(sys.mmapCharged(`${HIERARCHY}/a`))).toEqual(['vm_area_struct*']);
    expect(lab.allocations(sys.mmap())).toEqual(['vm_area_struct']);
  });

  it('does not exist in 4.10', () => {
    expect(() => labInMemcg().run(sys.mmapCharged(`${HIERARCHY}/a`))).toThrow('errno 38');
  });
});
