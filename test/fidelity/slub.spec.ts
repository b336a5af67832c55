import { CacheField, type Cpu, kmemCacheFree, type Program, patchApi, readFile, sys, writeFile } from '@kmemlab/kernel';
import type { Coroutine } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';
import { run } from './run.js';

const SLAB_DIRECTORY = '/sys/kernel/slab';

function* tmpFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
  yield* sys.unlink(path);
}

function* shrink(cache: string): Program<void> {
  yield* writeFile(`${SLAB_DIRECTORY}/${cache}/shrink`, '1\n');
}

function* staysBehind(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
}

/** Slabs that some memcg pays for. */
const chargedSlabs = (lab: Lab): number =>
  lab.machine.nodes.flatMap(({ pages }) => [...pages.entries()]).filter(([, { memcg }]) => memcg !== 0).length;

/** A memcg whose task has its caches made and uses one tmpfs file, then goes back to the root cgroup. */
function useMemcg(lab: Lab, name: string, inside: Program<unknown> = tmpFile('/tmp/x')): void {
  lab.run(sys.mkdir(name));
  lab.run(writeFile(`${name}/cgroup.procs`, `${lab.taskPid}\n`));
  lab.run(tmpFile('/tmp/x'));
  lab.flushCreation();
  lab.run(inside);
  lab.run(writeFile('cgroup.procs', `${lab.taskPid}\n`));
  lab.settle();
}

function labInHierarchy(cpus = 4): Lab {
  const lab = new Lab({ cpus, config: { allocator: 'slub' } });
  lab.run(sys.chdir(HIERARCHY));
  lab.run(writeFile('cgroup.procs', `${lab.taskPid}\n`));
  return lab;
}

/** Kernel code on a CPU in a thread of its own, to its end. */
function onCpu(lab: Lab, id: number, code: (cpu: Cpu) => Coroutine<void>): void {
  const cpu = lab.cpu(id);
  let ended = false;
  cpu.spawn(
    'spec',
    function* spec() {
      yield* code(cpu);
      ended = true;
    },
    [],
  );
  cpu.run();
  lab.until(() => ended);
}

const holders = (lab: Lab, cache: number): number[] =>
  lab.machine.cpus.filter(({ ownWords }) => ownWords.cpuSlabs.hasCpuSlab(cache)).map(({ id }) => id);

describe('avoid-ipis with SLUB', () => {
  it('kicks nobody and sends no call at creation, and at removal only where slabs are', async () => {
    const { outcome, counters, phases } = await run({
      experiment: 'avoid-ipis',
      config: 'slub',
      nodes: 1,
      cpusPerNode: 4,
      params: { loops: '30' },
    });
    expect(outcome).toBe('ok');
    expect(counters.caches.created).toBe(90);
    expect(counters.ipi.sent).toBe(0);
    expect(phases.remove?.calls.kick_all_cpus_sync ?? 0).toBe(0);
    expect(phases.remove?.ipi.sent).toBeLessThanOrEqual(90);
  });
});

describe('a cache of SLUB', () => {
  it('is shrunk with an interrupt only to the CPUs that hold a slab of it', () => {
    const lab = labInHierarchy();
    const cache = lab.cpu(0).rootCache('dentry');
    lab.run(shrink('dentry'));
    expect(holders(lab, cache)).toEqual([]);
    lab.finish(lab.start(tmpFile('/tmp/on2'), 2));
    lab.settle();
    expect(holders(lab, cache)).toEqual([2]);
    expect(lab.calls(() => lab.run(shrink('dentry')))).toEqual([0, 0, 1, 0]);
  });

  it('has no tunables, and refuses them', () => {
    const lab = labInHierarchy();
    expect(() => lab.run(writeFile('/proc/slabinfo', 'dentry 120 60 8\n'))).toThrow('errno 5');
    const line = lab
      .run(readFile('/proc/slabinfo'))
      .split('\n')
      .find((text) => text.startsWith('dentry '));
    expect(line).toMatch(/ : tunables +0 +0 +0 : slabdata +(\d+) +\1 +0$/);
  });

  it('keeps up to min_partial empty slabs on a node without a shrink, and none after one', () => {
    const lab = labInHierarchy(1);
    lab.run(sys.initModule('spec_cache', 2048));
    const cache = lab.cpu(0).rootCache('spec_cache');
    onCpu(lab, 0, function* fillAndEmpty(cpu) {
      const { alloc } = cpu.build.allocator;
      const objects: number[] = [];
      for (let n = 0; n < 20 * 16; n++) objects.push(yield* patchApi.call(alloc, cpu, cache));
      for (const object of objects) yield* patchApi.call(kmemCacheFree, cpu, cache, object);
    });
    const lists = lab.machine.nodes[0]?.slub.nodes.get(cache);
    const held = lab.cpu(0).ownWords.cpuSlabs.heldOf(cache);
    const minPartial = lab.cpu(0).published.caches.read(cache, CacheField.minPartial);
    expect(minPartial).toBe(5);
    expect(lists?.slabs).toBe(minPartial + 1 + held.partials);
    lab.run(shrink('spec_cache'));
    expect(lists?.slabs).toBe(0);
    lab.run(sys.deleteModule('spec_cache'));
  });
});

describe('a memcg on SLUB', () => {
  it('waits for one grace period at offline, whatever its caches are, and shrinks each once', () => {
    const lab = labInHierarchy();
    useMemcg(lab, 'a');
    const grown = lab.growth(['synchronize_sched', 'kmem_cache_shrink', 'kick_all_cpus_sync'], () => {
      lab.run(sys.rmdir('a'));
      lab.settle();
    });
    expect(grown).toEqual({ synchronize_sched: 1, kmem_cache_shrink: 2, kick_all_cpus_sync: 0 });
  });

  it('has no slab left as soon as its last object goes', () => {
    const lab = labInHierarchy();
    useMemcg(lab, 'a', staysBehind('/tmp/stays'));
    lab.run(sys.rmdir('a'));
    lab.settle();
    expect(chargedSlabs(lab)).toBe(2);
    lab.run(sys.unlink('/tmp/stays'));
    lab.settle();
    expect(chargedSlabs(lab)).toBe(0);
  });
});

describe('/sys/kernel/slab', () => {
  it('has a directory for each root, and below it one for each child until that is released', () => {
    const lab = labInHierarchy();
    useMemcg(lab, 'a');
    const child = [...(lab.machine.nodes.flatMap((node) => [...node.caches.entries()]) ?? [])]
      .map(([, { name }]) => name)
      .find((name) => name.startsWith('dentry('));
    const path = `${SLAB_DIRECTORY}/dentry/cgroup/${child}`;
    expect(lab.run(readFile(`${path}/object_size`))).toBe('192\n');
    expect(lab.run(readFile(`${path}/min_partial`))).toBe('5\n');
    expect(Number.parseInt(lab.run(readFile(`${path}/slabs`)), 10)).toBeGreaterThan(0);
    expect(() => lab.run(readFile(`${SLAB_DIRECTORY}/dentry/cgroup/nothing/slabs`))).toThrow('errno 2');
  });

  it('makes a creation fail whose name is taken, and the root serves on (SLUB-7)', () => {
    const lab = labInHierarchy();
    lab.cpu(0).build.policies.slub.directoryOf = (_cpu, { name }) => ({ path: name.replace(/\(.*/, ''), link: '' });
    const { memcg_caches_created, 'sysfs_slab_add.failed': failed } = lab.growth(
      ['memcg_caches_created', 'sysfs_slab_add.failed'],
      () => useMemcg(lab, 'a'),
    );
    expect(memcg_caches_created).toBe(0);
    expect(failed).toBeGreaterThan(0);
  });
});
