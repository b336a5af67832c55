import { type Program, readFile, sys, Trace, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

/* fork, exit and wait, and memory that others than slab caches hold: spec/experiments.md E4.1 (E0), spec/memcg-kmem.md A. */

const nothing = function* nothing(): Program<void> {};

function* forkAndWait(program: () => Program<unknown> = nothing): Program<void> {
  yield* sys.fork({ name: 'child', program });
  yield* sys.wait();
}

/** Everything that the caches of the memcg are for. */
function* useEverything(): Program<void> {
  yield* sys.touch(yield* sys.mmap());
  yield* sys.socket();
  yield* sys.pipe();
}

/** A lab whose task is in the memcg `home`, which has every cache that forking and these files need. */
function labInMemcg(options: ConstructorParameters<typeof Lab>[0] = {}): Lab {
  const lab = new Lab(options);
  lab.run(sys.chdir(HIERARCHY));
  lab.run(sys.mkdir('home'));
  lab.run(writeFile('home/cgroup.procs', `${lab.taskPid}\n`));
  for (let n = 0; n < 2; n++) {
    lab.run(forkAndWait(useEverything));
    lab.flushCreation();
    lab.settle();
  }
  return lab;
}

const counted = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

const usage = (lab: Lab, file: string): number => Number(lab.run(readFile(`${HIERARCHY}/home/${file}`)));

describe('fork', () => {
  it('charges the child’s structures to the memcg of its parent: five areas, three of them written', () => {
    const lab = labInMemcg();
    const taken = lab.allocations(sys.fork({ name: 'child', program: sys.pause }));
    expect(counted(taken)).toEqual({
      ...{
        'task_struct*': 1,
        'cred_jar*': 1,
        'files_cache*': 1,
        'fs_cache*': 1,
        'sighand_cache*': 1,
        'signal_cache*': 1,
      },
      ...{ 'mm_struct*': 1, 'pid*': 1, 'vm_area_struct*': 5, 'anon_vma*': 3, 'anon_vma_chain*': 6 },
    });
  });

  it('of a task that was forked itself clones the chains of its areas', () => {
    const lab = labInMemcg();
    const taken: string[][] = [];
    lab.run(
      forkAndWait(function* child() {
        const before = lab.events.length;
        yield* forkAndWait();
        taken.push(lab.accounted(lab.events.slice(before), Trace.objectAlloc));
      }),
    );
    expect(counted(taken[0] ?? [])).toMatchObject({ 'vm_area_struct*': 5, 'anon_vma*': 3, 'anon_vma_chain*': 9 });
  });

  it('gives everything back: at exit, at wait, and after grace periods', () => {
    const lab = labInMemcg();
    const events = lab.during(() => {
      lab.run(forkAndWait(useEverything));
      lab.settle();
    });
    const taken = lab.accounted(events, Trace.objectAlloc);
    expect(taken.length).toBeGreaterThan(25);
    expect(lab.accounted(events, Trace.objectFree).sort()).toEqual(taken.sort());
    expect(lab.machine.nodes.map(({ tasks, rcuObjects, pipes }) => [tasks.live, rcuObjects.live, pipes.size])).toEqual([
      [1, 0, 0],
    ]);
  });

  it('leaves task_struct, cred, pid, signal and sighand with a child that nobody has waited for', () => {
    const lab = labInMemcg();
    const exited = lab.frees(sys.fork({ name: 'child', program: nothing }));
    expect(counted(exited)).toEqual({
      ...{ 'mm_struct*': 1, 'files_cache*': 1, 'fs_cache*': 1 },
      ...{ 'vm_area_struct*': 5, 'anon_vma*': 3, 'anon_vma_chain*': 6 },
    });
    const events = lab.during(() => lab.run(sys.wait()));
    expect(lab.accounted(events, Trace.objectFree)).toEqual(['sighand_cache*']);
    const later = lab.during(() => lab.settle());
    const freed = lab.accounted(later, Trace.objectFree).sort();
    expect(freed).toEqual(['cred_jar*', 'pid*', 'signal_cache*', 'task_struct*']);
  });

  it('closes the files of an exiting task', () => {
    const lab = labInMemcg();
    lab.run(
      forkAndWait(function* child() {
        yield* sys.create('/tmp/left-open');
        yield* sys.unlink('/tmp/left-open');
      }),
    );
    lab.settle();
    expect(lab.machine.nodes[0]?.dentries.live).toBeLessThan(20);
    expect([...(lab.machine.nodes[0]?.dentries.entries() ?? [])].map(([, { name }]) => name)).not.toContain(
      'left-open',
    );
  });

  it('uses 14 caches with the measured objects: mm_struct and cred_jar are merged', () => {
    const lab = labInMemcg({ config: { objects: 'measured' } });
    lab.run(sys.chdir('/'));
    const names = lab
      .run(readFile(`${HIERARCHY}/home/memory.kmem.slabinfo`))
      .split('\n')
      .slice(2, -1);
    const caches = names.map((line) => line.split(' ')[0]);
    expect(caches.sort()).toEqual([
      ...['anon_vma', 'anon_vma_chain', 'dentry', 'files_cache', 'fs_cache', 'inode_cache', 'kmalloc-1024'],
      ...['kmalloc-192', 'pid', 'sighand_cache', 'signal_cache', 'sock_inode_cache', 'task_struct', 'vm_area_struct'],
    ]);
  });

  it('of a child that throws ends the program that it belongs to with that error', () => {
    const lab = new Lab();
    const failing = function* failing(): Program<void> {
      yield* sys.open('/tmp/nothing');
    };
    expect(() => lab.run(forkAndWait(failing))).toThrow('errno 2');
  });
});

it.each([-1, Number.NaN])('nanosleep of %d ns is refused', (ns) => {
  expect(() => new Lab().run(sys.nanosleep(ns))).toThrow('failed with errno 22');
});

describe('wait', () => {
  it('fails if there is no child', () => {
    expect(() => new Lab().run(sys.wait())).toThrow('errno 10');
  });

  it('sleeps until a child exits, on whatever CPU', () => {
    const lab = new Lab({ nodes: 2, cpus: 2 });
    const sleeper = () => sys.nanosleep(5e6);
    const before = lab.machine.modelTime;
    lab.run(
      (function* parent(): Program<void> {
        for (let cpu = 0; cpu < 4; cpu++) {
          yield* sys.fork({ name: `child${cpu}`, program: sleeper, placement: { kind: 'pinned', cpu } });
        }
        for (let n = 0; n < 4; n++) yield* sys.wait();
      })(),
    );
    expect(lab.machine.modelTime - before).toBeGreaterThan(5e6);
    lab.settle();
    expect(lab.machine.nodes.reduce((sum, { tasks }) => sum + tasks.live, 0)).toBe(1);
  });

  it('is not needed for a child whose parent has exited', () => {
    const lab = new Lab();
    lab.run(
      forkAndWait(function* parent() {
        yield* sys.fork({ name: 'exits first', program: nothing });
        yield* sys.fork({ name: 'exits last', program: () => sys.nanosleep(20e6) });
        yield* sys.nanosleep(5e6);
      }),
    );
    lab.pass(50e6);
    lab.settle();
    expect(lab.machine.nodes[0]?.tasks.live).toBe(1);
  });
});

describe('a task', () => {
  it('can be moved by another one, also while it is in a system call', () => {
    const lab = labInMemcg();
    const memcgs: string[] = [];
    const nameOf = (pid: number): string => {
      const [node] = lab.machine.nodes;
      return node?.csses.peek(node.published.tasks.memcgOf(pid))?.name ?? '';
    };
    lab.run(sys.mkdir('other'));
    lab.run(
      (function* manager(): Program<void> {
        const pid = yield* sys.fork({ name: 'child', program: sys.pause, placement: { kind: 'pinned', cpu: 2 } });
        yield* sys.nanosleep(1e6);
        memcgs.push(nameOf(pid));
        yield* writeFile('other/cgroup.procs', `${pid}\n`);
        memcgs.push(nameOf(pid));
        memcgs.push(yield* readFile('other/cgroup.procs'));
        yield* sys.kill(pid);
        memcgs.push(String((yield* sys.wait()) === pid));
      })(),
    );
    expect(memcgs).toEqual(['home', 'other', '4098\n', 'true']);
    lab.run(sys.rmdir('other'));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/', 'home']);
  });

  it('that does not exist cannot be moved', () => {
    const lab = labInMemcg();
    expect(() => lab.run(writeFile(`${HIERARCHY}/cgroup.procs`, '77\n'))).toThrow('errno 3');
    expect(() => lab.run(writeFile(`${HIERARCHY}/cgroup.procs`, 'x\n'))).toThrow('errno 22');
  });

  it('keeps its cgroup from being removed until it exits, and the memcg from being freed until it has been waited for', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    const pid = lab.run(sys.fork({ name: 'child', program: sys.pause }));
    lab.run(writeFile('a/cgroup.procs', `${pid}\n`));
    expect(() => lab.run(sys.rmdir('a'))).toThrow('errno 16');
    lab.run(sys.kill(pid));
    lab.settle();
    lab.run(sys.rmdir('a'));
    lab.pass(1e9);
    expect(lab.memcgs()).toEqual(['/', 'a']);
    lab.run(sys.wait());
    lab.settle();
    expect(lab.memcgs()).toEqual(['/']);
  });
});

describe('pages that are no slabs', () => {
  it('are charged to the memcg of the task: a written area one user page, until it is unmapped', () => {
    const lab = labInMemcg();
    const area = lab.run(sys.mmap());
    const [memory, kmem] = [usage(lab, 'memory.usage_in_bytes'), usage(lab, 'memory.kmem.usage_in_bytes')];
    lab.run(sys.touch(area));
    const pages = () =>
      [...(lab.machine.nodes[0]?.pages.entries() ?? [])].filter(([, { use }]) => use === 'anon').length;
    expect(pages()).toBe(1);
    expect(usage(lab, 'memory.kmem.usage_in_bytes')).toBe(kmem);
    expect(usage(lab, 'memory.usage_in_bytes')).toBeGreaterThanOrEqual(memory);
    lab.run(sys.munmap(area));
    expect(pages()).toBe(0);
  });

  it('pin a removed memcg: data of a file on tmpfs, until the file is unlinked', () => {
    const lab = labInMemcg();
    const fd = lab.run(sys.create('/tmp/data'));
    lab.run(sys.write(fd, 'x'.repeat(10000)));
    lab.run(sys.close(fd));
    const file = [...(lab.machine.nodes[0]?.pages.entries() ?? [])].filter(([, { use }]) => use === 'file');
    expect(file.map(([, { memcg }]) => lab.machine.nodes[0]?.csses.peek(memcg)?.name)).toEqual([
      'home',
      'home',
      'home',
    ]);
    lab.run(sys.unlink('/tmp/data'));
    expect([...(lab.machine.nodes[0]?.pages.entries() ?? [])].filter(([, { use }]) => use === 'file')).toEqual([]);
  });

  it('are kernel memory for a kernel stack and the buffer of a pipe', () => {
    const lab = labInMemcg();
    const before = usage(lab, 'memory.kmem.usage_in_bytes');
    const pipe = lab.run(sys.pipe());
    const [empty, written] = [() => usage(lab, 'memory.kmem.usage_in_bytes') - before, 4096];
    expect(empty()).toBe(0);
    lab.run(sys.write(pipe + 1, 'text'));
    lab.run(sys.write(pipe + 1, 'more'));
    expect(empty()).toBe(written);
    lab.run(sys.close(pipe));
    lab.run(sys.close(pipe + 1));
    expect(empty()).toBe(0);
  });
});
