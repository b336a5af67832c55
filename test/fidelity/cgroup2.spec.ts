import { catalogue } from '@kmemlab/experiments';
import { type GuestError, type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';
import { run } from './run.js';

/* The v2 hierarchy, and use_hierarchy of v1: spec/memcg-kmem.md A, glossary (page_counter). */

const V2 = '/sys/fs/cgroup';

const v2Lab = (): Lab => {
  const lab = new Lab({ config: { cgroup: 'v2' } });
  lab.run(sys.chdir(V2));
  return lab;
};

const stat = (lab: Lab, directory: string): Record<string, number> =>
  Object.fromEntries(
    lab
      .run(readFile(`${directory}/cgroup.stat`))
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([name = '', value]) => [name, Number(value)]),
  );

function* useMemory(): Program<void> {
  yield* sys.touch(yield* sys.mmap());
  for (let n = 0; n < 8; n++) yield* sys.close(yield* sys.create(`/tmp/${n}`));
}

describe('cgroup v2', () => {
  it('has its own files, and is where v1 is not', () => {
    const lab = v2Lab();
    lab.run(sys.mkdir('a'));
    for (const file of ['cgroup.procs', 'cgroup.stat', 'memory.max', 'memory.current', 'memory.stat']) {
      expect(typeof lab.run(readFile(`a/${file}`))).toBe('string');
    }
    for (const file of ['memory.limit_in_bytes', 'memory.kmem.usage_in_bytes', 'tasks']) {
      expect(() => lab.run(sys.open(`a/${file}`))).toThrow('errno 2');
    }
    expect(() => lab.run(sys.chdir(HIERARCHY))).toThrow('errno 2');
  });

  it('counts descendants, and those that are dying until they are released', () => {
    const lab = v2Lab();
    for (const path of ['a', 'a/b', 'a/b/c', 'd']) lab.run(sys.mkdir(path));
    expect(stat(lab, V2)).toEqual({ nr_descendants: 4, nr_dying_descendants: 0 });
    expect(stat(lab, 'a')).toEqual({ nr_descendants: 2, nr_dying_descendants: 0 });
    lab.run(writeFile('a/b/c/cgroup.procs', `${lab.taskPid}\n`));
    lab.run(useMemory());
    lab.flushCreation();
    const fd = lab.run(sys.create('/tmp/kept'));
    lab.run(writeFile(`${V2}/cgroup.procs`, `${lab.taskPid}\n`));
    lab.run(sys.rmdir('a/b/c'));
    lab.settle();
    expect(stat(lab, 'a')).toEqual({ nr_descendants: 1, nr_dying_descendants: 1 });
    expect(stat(lab, V2)).toEqual({ nr_descendants: 3, nr_dying_descendants: 1 });
    lab.run(sys.rmdir('d'));
    lab.settle();
    expect(stat(lab, V2)).toMatchObject({ nr_descendants: 2 });
    lab.run(sys.close(fd));
  });

  it('charges kernel memory to the one counter, and to those above', () => {
    const lab = v2Lab();
    lab.run(sys.mkdir('a'));
    lab.run(sys.mkdir('a/b'));
    lab.run(writeFile('a/b/cgroup.procs', `${lab.taskPid}\n`));
    for (let n = 0; n < 2; n++) {
      lab.run(useMemory());
      lab.flushCreation();
    }
    const current = (path: string): number => Number(lab.run(readFile(`${path}/memory.current`)));
    expect(current('a/b')).toBeGreaterThan(0);
    expect(current('a')).toBe(current('a/b'));
    const text = lab.run(readFile('a/memory.stat'));
    const rows = Object.fromEntries(
      text
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map(([name = '', bytes]) => [name, Number(bytes)]),
    );
    expect(rows.anon).toBe(2 * 4096);
    expect(rows.slab_reclaimable).toBeGreaterThan(0);
    expect(rows.slab_unreclaimable).toBeGreaterThan(0);
    expect(current('a')).toBeGreaterThanOrEqual(Object.values(rows).reduce((sum, bytes) => sum + (bytes ?? 0), 0));
  });

  it('takes a limit in bytes or "max", and keeps to it on every level', () => {
    const lab = v2Lab();
    lab.run(sys.mkdir('a'));
    lab.run(sys.mkdir('a/b'));
    expect(lab.run(readFile('a/memory.max'))).toBe('max\n');
    lab.run(writeFile('a/memory.max', '4096\n'));
    expect(lab.run(readFile('a/memory.max'))).toBe('4096\n');
    expect(() => lab.run(writeFile(`${V2}/memory.max`, '4096\n'))).toThrow('errno 22');
    lab.run(writeFile('a/b/cgroup.procs', `${lab.taskPid}\n`));
    lab.run(sys.touch(lab.run(sys.mmap())));
    expect(() => lab.run(sys.touch(lab.run(sys.mmap())))).toThrow('errno 12');
    lab.run(writeFile(`${V2}/a/memory.max`, 'max\n'));
    lab.run(sys.touch(lab.run(sys.mmap())));
  });
});

describe('memory.use_hierarchy', () => {
  const v1Lab = (): Lab => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    return lab;
  };

  it('is off, and then a child’s memory is no part of its parent’s', () => {
    const lab = v1Lab();
    lab.run(sys.mkdir('a/b'));
    expect(lab.run(readFile('a/memory.use_hierarchy'))).toBe('0\n');
    lab.run(writeFile('a/b/cgroup.procs', `${lab.taskPid}\n`));
    lab.run(useMemory());
    expect(lab.run(readFile(`${HIERARCHY}/a/memory.usage_in_bytes`))).toBe('0\n');
  });

  it('is inherited once it is on, and makes a child’s memory part of its parent’s', () => {
    const lab = v1Lab();
    lab.run(writeFile('a/memory.use_hierarchy', '1\n'));
    lab.run(sys.mkdir('a/b'));
    expect(lab.run(readFile('a/b/memory.use_hierarchy'))).toBe('1\n');
    lab.run(writeFile('a/b/cgroup.procs', `${lab.taskPid}\n`));
    lab.run(useMemory());
    const of = (path: string) => Number(lab.run(readFile(`${HIERARCHY}/${path}/memory.usage_in_bytes`)));
    expect(of('a/b')).toBeGreaterThan(0);
    expect(of('a')).toBe(of('a/b'));
  });

  it('can be changed only while there are no children, and not below a cgroup that uses it', () => {
    const lab = v1Lab();
    const errnoOf = (path: string, text: string): number => {
      try {
        lab.run(writeFile(path, text));
        return 0;
      } catch (error) {
        return ((error as Error).cause as GuestError).errno;
      }
    };
    lab.run(sys.mkdir('a/b'));
    expect(errnoOf('a/memory.use_hierarchy', '1\n')).toBe(-16);
    lab.run(sys.rmdir('a/b'));
    lab.settle();
    expect(errnoOf('a/memory.use_hierarchy', '2\n')).toBe(-22);
    expect(errnoOf('a/memory.use_hierarchy', '1\n')).toBe(0);
    lab.run(sys.mkdir('a/b'));
    expect(errnoOf('a/b/memory.use_hierarchy', '0\n')).toBe(-22);
    expect(errnoOf('a/b/memory.use_hierarchy', '1\n')).toBe(0);
  });
});

/** Experiments that use files of v1, and say so before they begin. */
const needV1 = ['avoid-ipis', 'tune-slabinfo', 'object-defects', 'reparenting-2014'];

it.each(catalogue('experiments').map(({ name }) => name))(
  '%s runs on v2, or says that it needs v1',
  async (experiment) => {
    const config = experiment === 'tune-slabinfo' ? 'slab,cgroup2' : 'slub,cgroup2';
    const running = run({ experiment, kernel: 'v5.9', config, nodes: 1, cpusPerNode: 2 });
    if (needV1.includes(experiment)) await expect(running).rejects.toThrow('leave cgroup2 out');
    else expect((await running).outcome).toBe('ok');
  },
);
