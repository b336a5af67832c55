import { orphanedCaches } from '@kmemlab/checker';
import { type Patch, type Program, patches, sys, writeFile } from '@kmemlab/kernel';
import { callCount, type RunResult } from '@kmemlab/results';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';
import { run } from './run.js';

const SECOND = 1e9;
const MEMCGS = 3;
/** Of SLAB: dentry and shmem_inode_cache of the files that stay. */
const KEPT = 2 * MEMCGS;
const STACK = 16_384;
const LARGE = 32_768;
const DESTROY_WORK = 'kmem_cache_destroy_work_func';
const CREATE_WORK = 'memcg_create_cache_work_func';

const kernelOf = (options: string): string => `v3.14+reparent-2014:${options}`;

const experiment = (kernel: string, config: string, params: Record<string, string> = {}): Promise<RunResult> =>
  run({
    ...{ experiment: 'reparenting-2014', kernel, config, nodes: 1, cpusPerNode: 2 },
    params: { memcgs: String(MEMCGS), useHierarchy: '1', ...params },
  });

const adopted = ({ findings }: RunResult) => findings.find((finding) => finding.class === 'adopted-cache');

/** What each patch adds or takes away, with SLAB. */
describe.each([0, 7, 8, 9, 10, 11, 12])('the first %i patches, with SLAB', (upto) => {
  let result: RunResult;
  beforeAll(async () => {
    result = await experiment(upto === 0 ? 'v3.14' : kernelOf(`upto=${upto}`), 'slab');
  });

  it('breaks no rule', () => expect(result.verdicts).toEqual([]));

  it('11: removed memcgs go while their objects live, and the parent has their caches', () => {
    const { dying, freed } = result.phases.generations?.memcg ?? {};
    expect({ dying, freed }).toEqual(upto < 11 ? { dying: MEMCGS, freed: 0 } : { dying: 0, freed: MEMCGS });
    expect(result.reparented?.slabinfo).toBe(upto < 11 ? 0 : KEPT);
  });

  it('9: kernel stacks leave accounting', () => {
    expect(result.reparented?.stackBytes).toBe(upto < 9 ? STACK : 0);
  });

  it('10: no page allocation passes the hook', () => {
    expect(callCount(result.counters, 'memcg_kmem_newpage_charge') > 0).toBe(upto < 10);
  });

  it('6: tuning reaches the caches of removed memcgs, in slots or not', () => {
    const { tune } = result.phases;
    expect(tune && callCount(tune, 'do_tune_cpucache')).toBe(1 + MEMCGS);
  });

  it('everything goes once the files are unlinked and reaped', () => {
    expect(result.phases.unlink?.memcg.dying).toBe(0);
    expect(adopted(result)).toBeUndefined();
  });
});

describe('with SLUB', () => {
  it.each([7, 8])('8: large kmalloc leaves accounting; %i patches', async (upto) => {
    const { reparented } = await experiment(kernelOf(`upto=${upto}`), 'slub');
    expect(reparented).toMatchObject({ stackBytes: STACK, largeBytes: upto < 8 ? LARGE : 0 });
  });

  it('11: the id of a memcg is used again while its cache lives, and so is the name of its directory', async () => {
    const { verdicts } = await experiment(kernelOf('upto=11'), 'slub');
    expect(verdicts.map(({ id }) => id)).toEqual(['SLUB-8']);
  });

  it('12: with the address in the name all caches are made; empty slabs keep them with the parent for ever (V2-c)', async () => {
    const result = await experiment('v3.14+reparent-2014', 'slub');
    expect(result.outcome).toBe('ok');
    expect(result.phases.unlink?.memcg.dying).toBe(0);
    expect(adopted(result)).toEqual({ class: 'adopted-cache', count: KEPT, pinnedBy: { retainedSlab: KEPT } });
  });
});

test('caches are handed on level by level; without use_hierarchy nobody has them', async () => {
  const nested = await experiment('v3.14+reparent-2014', 'slab', { depth: '3' });
  expect(nested.phases.generations?.memcg).toMatchObject({ dying: 0, freed: 3 * MEMCGS });
  expect(nested.reparented?.slabinfo).toBe(KEPT);
  const flat = await experiment('v3.14+reparent-2014', 'slab', { useHierarchy: '0' });
  expect(flat.phases.generations?.memcg).toMatchObject({ dying: 0, freed: MEMCGS });
  expect(flat.reparented?.slabinfo).toBe(0);
});

describe('page-level charges', () => {
  it.each([8, 9])('of a stack that lives on keep the memcg up to patch 8; %i patches', async (upto) => {
    const { findings } = await experiment(kernelOf(`upto=${upto}`), 'slab', { stacks: '1' });
    const zombies = findings.find((finding) => finding.class === 'zombie-memcg');
    expect(zombies?.count ?? 0).toBe(upto < 9 ? MEMCGS : 0);
  });
});

describe('each patch is needed by the last ones', () => {
  it('4: a parent that was never kmem-active has no list for the caches it adopts', async () => {
    const params = { activeParent: '0' };
    const without = await experiment(kernelOf('without=4'), 'slab', params);
    expect(without.verdicts[0]?.detail).toContain('its list of caches was never initialised');
    const complete = await experiment('v3.14+reparent-2014', 'slab', params);
    expect(complete.verdicts).toEqual([]);
    expect(complete.phases.slabinfo?.caches.live).toBe((complete.phases.boot?.caches.live ?? 0) + KEPT);
  });

  it('5: an adopted cache is in no slot', async () => {
    const { verdicts } = await experiment(kernelOf('without=5'), 'slab');
    expect(verdicts[0]?.detail).toContain('dereferences NULL');
  });

  it('6: without the list of each root, tuning misses adopted caches', async () => {
    const { phases } = await experiment(kernelOf('without=6'), 'slab');
    expect(phases.tune && callCount(phases.tune, 'do_tune_cpucache')).toBe(1);
  });
});

const series = patches.find(({ name }) => name === 'reparent-2014') as Patch;

/** So many patches of the series, and one work function that is kept from what it does for `ns`. */
const lateAfter = (upto: number, fn: string, ns: number): Patch => ({
  name: 'late-work',
  summary: `${fn} is late`,
  apply: (kernel, api) => {
    if (upto > 0) series.apply(kernel, api, { upto, without: 0 });
    kernel.functions.replaceFunction(
      'work',
      fn,
      (original) =>
        function* later(cpu, data) {
          yield* api.call(api.hrtimerNanosleep, cpu, ns);
          yield* api.call(original, cpu, data);
        },
    );
  },
});

function* tmpFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
  yield* sys.unlink(path);
}

function* naps(seconds: number): Program<void> {
  for (let n = 0; n < 4 * seconds; n++) yield* sys.nanosleep(SECOND / 4);
}

function* move(directory: string, pid: number): Program<void> {
  yield* writeFile(directory === '' ? 'cgroup.procs' : `${directory}/cgroup.procs`, `${pid}\n`);
}

/** A task that has used memory in memcg `a`, and is there. */
function labInMemcg(patch: Patch): Lab {
  const lab = new Lab({ version: 'v3.14', cpus: 2, patch });
  lab.run(sys.chdir(HIERARCHY));
  lab.run(sys.mkdir('a'));
  lab.run(writeFile('a/memory.kmem.limit_in_bytes', '1G\n'));
  lab.run(move('a', lab.taskPid));
  lab.run(tmpFile('/tmp/x'));
  return lab;
}

function removedWithFile(lab: Lab): void {
  lab.flushCreation();
  lab.run(
    (function* keep(): Program<void> {
      yield* sys.close(yield* sys.create('/tmp/f'));
    })(),
  );
  lab.run(move('', lab.taskPid));
  lab.run(sys.rmdir('a'));
}

describe('the defects of 3.14 that the first patches mend', () => {
  it.each([0, 1])('1: no cache is made after offline (V0-e); %i patches', (upto) => {
    const lab = labInMemcg(lateAfter(upto, CREATE_WORK, SECOND));
    lab.run(move('', lab.taskPid));
    lab.run(sys.rmdir('a'));
    lab.settle();
    const ids = orphanedCaches(lab.machine.nodes).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set(upto === 0 ? ['V0-e'] : []));
    expect(lab.memcgs()).toEqual(upto === 0 ? ['/', 'a'] : ['/']);
  });

  it.each([0, 1])('1: no creation finds its root destroyed (V0-g); %i patches', (upto) => {
    const lab = labInMemcg(lateAfter(upto, CREATE_WORK, SECOND));
    const unload = () => {
      lab.run(sys.deleteModule('names_cache'));
      lab.settle();
    };
    if (upto === 0) expect(unload).toThrow('"id":"V0-g"');
    else expect(unload).not.toThrow();
  });

  it.each([1, 2])(
    '2: the last page queues the work only if nobody else destroys the cache (V0-c); %i patches',
    (upto) => {
      const lab = labInMemcg(lateAfter(upto, DESTROY_WORK, 12 * SECOND));
      removedWithFile(lab);
      lab.run(naps(1));
      lab.run(sys.unlink('/tmp/f'));
      const wait = () => {
        lab.run(naps(20));
        lab.settle();
      };
      if (upto === 1) expect(wait).toThrow('"id":"V0-c"');
      else expect(wait).not.toThrow();
    },
  );

  it.each([2, 4, 5])('3: whoever destroys the root waits for the works of its children (V0-f); %i patches', (upto) => {
    const lab = labInMemcg(lateAfter(upto, DESTROY_WORK, SECOND / 2));
    removedWithFile(lab);
    lab.pass(SECOND / 4);
    const unload = () => lab.finish(lab.start(sys.deleteModule(upto === 2 ? 'kmalloc-4096' : 'names_cache'), 1));
    if (upto === 2) expect(unload).toThrow('"id":"V0-f"');
    // The cache has left its slot by then, and the work looks for it there until patch 5.
    else if (upto === 4) expect(unload).toThrow('dereferences NULL');
    else expect(unload).not.toThrow();
  });
});
