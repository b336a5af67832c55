import { type Program, readFile, sys, Trace, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

/*
 * What each system call takes from accounted caches in 4.10: spec/experiments.md E4.1. `*` marks an object that a memcg
 * pays for; the task's memcg has all its caches, so each of its objects is.
 */

function* enter(pid: number): Program<void> {
  yield* sys.mkdir('home');
  yield* writeFile('home/cgroup.procs', `${pid}\n`);
}

/** One of everything, so that the caches of the task's memcg come into being. */
function* touchEverything(): Program<void> {
  yield* sys.mkdir('warm');
  yield* writeFile('warm/memory.limit_in_bytes', '1G\n');
  yield* sys.rmdir('warm');
  yield* sys.close(yield* sys.create('/tmp/warm'));
  yield* sys.unlink('/tmp/warm');
  yield* readFile('/proc/cgroups');
  const area = yield* sys.mmap();
  yield* sys.touch(area);
  yield* sys.munmap(area);
}

/** A lab whose task is in the memcg `home`, with every cache that it needs. */
function labInMemcg(): Lab {
  const lab = new Lab();
  lab.run(sys.chdir(HIERARCHY));
  lab.run(enter(lab.taskPid));
  lab.run(touchEverything());
  lab.flushCreation();
  lab.settle();
  return lab;
}

function* createClose(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
}

function* openClose(path: string): Program<void> {
  yield* sys.close(yield* sys.open(path));
}

describe('accounted allocations of system calls', () => {
  it('mkdir of a cgroup: one dentry, given back through RCU, and no inode', () => {
    const lab = labInMemcg();
    expect(lab.allocations(sys.mkdir('a'))).toEqual(['dentry*']);
    lab.settle();
    expect(lab.frees(sys.mkdir('b'))).toEqual(['dentry*']);
  });

  it('first open below a directory: dentry and inode of the directory, then of the file', () => {
    const lab = labInMemcg();
    lab.run(sys.mkdir('a'));
    const taken = lab.allocations(openClose('a/memory.limit_in_bytes'));
    expect(taken).toEqual(['dentry*', 'inode_cache*', 'dentry*', 'inode_cache*']);
  });

  it('open of a further file of the directory: one dentry and one inode; of a known file: nothing', () => {
    const lab = labInMemcg();
    lab.run(sys.mkdir('a'));
    lab.run(openClose('a/memory.limit_in_bytes'));
    expect(lab.allocations(openClose('a/memory.kmem.limit_in_bytes'))).toEqual(['dentry*', 'inode_cache*']);
    expect(lab.allocations(openClose('a/memory.kmem.limit_in_bytes'))).toEqual([]);
  });

  it('open of a control file that does not exist: one dentry, given back', () => {
    const lab = labInMemcg();
    lab.run(sys.mkdir('a'));
    lab.run(openClose('a/memory.limit_in_bytes'));
    lab.settle();
    const events = lab.during(() => {
      expect(() => lab.run(sys.open('a/nonsense'))).toThrow('errno 2');
      lab.settle();
    });
    expect(lab.accounted(events, Trace.objectAlloc)).toEqual(['dentry*']);
    expect(lab.accounted(events, Trace.objectFree)).toEqual(['dentry*']);
  });

  it('write and close of a control file: nothing', () => {
    const lab = labInMemcg();
    lab.run(sys.mkdir('a'));
    const fd = lab.run(sys.open('a/memory.limit_in_bytes'));
    expect(lab.allocations(sys.write(fd, '1G\n'))).toEqual([]);
    expect(lab.allocations(sys.close(fd))).toEqual([]);
  });

  it('write of the own pid to cgroup.procs: nothing; what follows is charged to the new memcg', () => {
    const lab = labInMemcg();
    lab.run(sys.mkdir('a'));
    const fd = lab.run(sys.open('a/cgroup.procs'));
    expect(lab.allocations(sys.write(fd, `${lab.taskPid}\n`))).toEqual([]);
    // The new memcg has no caches yet: the first objects come from the root caches.
    expect(lab.allocations(sys.create('/tmp/x'))).toEqual(['dentry', 'shmem_inode_cache']);
    lab.flushCreation();
    expect(lab.allocations(sys.create('/tmp/y'))).toEqual(['dentry*', 'shmem_inode_cache*']);
  });

  it('creation of a tmpfs file: one dentry and one shmem inode, which come back through RCU at unlink', () => {
    const lab = labInMemcg();
    expect(lab.allocations(createClose('/tmp/x'))).toEqual(['dentry*', 'shmem_inode_cache*']);
    expect(lab.allocations(sys.unlink('/tmp/x'))).toEqual([]);
    lab.settle();
    lab.run(createClose('/tmp/y'));
    const events = lab.during(() => lab.run(sys.unlink('/tmp/y')));
    expect(lab.accounted(events, Trace.objectFree)).toEqual([]);
    const later = lab.during(() => lab.settle());
    expect(lab.accounted(later, Trace.objectFree).sort()).toEqual(['dentry*', 'shmem_inode_cache*']);
  });

  it('rmdir: nothing is taken; all goes back but the dentry of the directory, which stays as a negative one', () => {
    const lab = labInMemcg();
    lab.run(sys.mkdir('a'));
    for (const file of ['memory.limit_in_bytes', 'memory.failcnt', 'cgroup.procs']) lab.run(openClose(`a/${file}`));
    lab.settle();
    expect(lab.allocations(sys.rmdir('a'))).toEqual([]);
    lab.run(sys.mkdir('b'));
    lab.run(openClose('b/memory.limit_in_bytes'));
    lab.run(openClose('b/memory.failcnt'));
    lab.settle();
    const freed = lab.frees(sys.rmdir('b')).sort();
    expect(freed).toEqual(['dentry*', 'dentry*', 'inode_cache*', 'inode_cache*', 'inode_cache*']);
  });

  it('a lookup drops the negative dentry of a removed directory', () => {
    const lab = labInMemcg();
    lab.run(sys.mkdir('a'));
    lab.run(openClose('a/memory.limit_in_bytes'));
    lab.run(sys.rmdir('a'));
    lab.settle();
    // mkdir looks the name up: the negative dentry goes, and the one of this lookup comes and goes.
    const events = lab.during(() => {
      lab.run(sys.mkdir('a'));
      lab.settle();
    });
    expect(lab.accounted(events, Trace.objectAlloc)).toEqual(['dentry*']);
    expect(lab.accounted(events, Trace.objectFree)).toEqual(['dentry*', 'dentry*']);
  });

  it('open of a /proc file: dentry and inode, both given back at close', () => {
    const lab = labInMemcg();
    for (let n = 0; n < 2; n++) {
      let fd = 0;
      const taken = lab.allocations(
        (function* open(): Program<void> {
          fd = yield* sys.open('/proc/interrupts');
        })(),
      );
      expect(taken).toEqual(['dentry*', 'proc_inode_cache*']);
      expect(lab.frees(sys.close(fd)).sort()).toEqual(['dentry*', 'proc_inode_cache*']);
    }
  });

  it('mmap: a vm_area_struct; first touch: an anon_vma_chain; second touch: nothing; munmap gives both back', () => {
    const lab = labInMemcg();
    expect(lab.allocations(sys.mmap())).toEqual(['vm_area_struct*']);
    const area = lab.run(sys.mmap());
    expect(lab.allocations(sys.touch(area))).toEqual(['anon_vma_chain*']);
    expect(lab.allocations(sys.touch(area))).toEqual([]);
    expect(lab.frees(sys.munmap(area)).sort()).toEqual(['anon_vma_chain*', 'vm_area_struct*']);
  });

  it('charges nothing to anybody while the task is in the root cgroup', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    const taken = lab.allocations(touchEverything());
    expect(taken.length).toBeGreaterThan(8);
    expect(taken.filter((name) => name.endsWith('*'))).toEqual([]);
    expect(lab.count('memcg_kmem_cache_create_func')).toBe(0);
  });
});
