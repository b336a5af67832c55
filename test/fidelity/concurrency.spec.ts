import { GuestError, type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

/* Tasks on different CPUs that meet at the same names. Whatever the order, a correct kernel gives no verdict and loses nothing. */

/** A call that may fail because another task was faster. */
function* attempt(program: Program<unknown>): Program<void> {
  try {
    yield* program;
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
  }
}

function* repeat(times: number, body: () => Program<unknown>): Program<void> {
  yield* sys.chdir(HIERARCHY);
  for (let n = 0; n < times; n++) yield* attempt(body());
}

const mover = (pid: number) =>
  repeat(30, function* move() {
    yield* attempt(writeFile('shared/cgroup.procs', `${pid}\n`));
    yield* writeFile('cgroup.procs', `${pid}\n`);
  });

const maker = () =>
  repeat(15, function* makeAndRemove() {
    yield* attempt(sys.mkdir('shared'));
    yield* attempt(sys.mkdir('shared/below'));
    yield* attempt(writeFile('shared/memory.limit_in_bytes', '1G\n'));
    yield* attempt(sys.rmdir('shared/below'));
    yield* attempt(sys.rmdir('shared'));
  });

/** Each gives the program of the task with this number and pid. */
const crowds: Record<string, (task: number, pid: number) => Program<void>> = {
  'read the same /proc file': () => repeat(25, () => readFile('/proc/cgroups')),
  'create, open and unlink the same file': () =>
    repeat(30, function* createAndUnlink() {
      yield* sys.close(yield* sys.create('/tmp/shared'));
      yield* sys.unlink('/tmp/shared');
    }),
  'look up a directory that comes and goes': (task) =>
    task === 0 ? maker() : repeat(50, () => readFile('shared/memory.usage_in_bytes')),
  'make and remove the same directories': () => maker(),
  'move into a cgroup that comes and goes': (task, pid) => (task === 0 ? maker() : mover(pid)),
};

describe.each(Object.keys(crowds))('four tasks that %s', (name) => {
  it.each([1, 2])('end without a verdict, on %i nodes', (nodes) => {
    const crowd = crowds[name] as (typeof crowds)[string];
    for (let seed = 1; seed <= 2; seed++) {
      const lab = new Lab({ nodes, cpus: 4 / nodes, strategy: 'random', seed });
      const tasks = [0, 1, 2, 3].map((cpu) =>
        lab.machine.startProgram('task', (pid) => crowd(cpu, pid), { kind: 'pinned', cpu }),
      );
      for (const task of tasks) lab.finish(task);
      lab.settle();
    }
  });
});

describe('an open file', () => {
  it('keeps dentry and inode of an unlinked tmpfs file until it is closed', () => {
    const lab = new Lab();
    const fd = lab.run(sys.create('/tmp/x'));
    expect(lab.frees(sys.unlink('/tmp/x'))).toEqual([]);
    expect(() => lab.run(sys.open('/tmp/x'))).toThrow('errno 2');
    expect(lab.run(sys.write(fd, 'text'))).toBe(4);
    lab.settle();
    expect(lab.frees(sys.close(fd)).sort()).toEqual(['dentry', 'shmem_inode_cache']);
  });

  it('keeps dentry and inode of a /proc file until its last close', () => {
    const lab = new Lab();
    const [first, second] = [lab.run(sys.open('/proc/cgroups')), lab.run(sys.open('/proc/cgroups'))];
    expect(lab.frees(sys.close(first))).toEqual([]);
    expect(lab.run(sys.read(second))).toContain('memory');
    expect(lab.frees(sys.close(second)).sort()).toEqual(['dentry', 'proc_inode_cache']);
  });

  it('of a cgroup that was removed and freed meanwhile answers ENODEV', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    const limit = lab.run(sys.open('a/memory.limit_in_bytes'));
    const procs = lab.run(sys.open('a/cgroup.procs'));
    lab.run(sys.rmdir('a'));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/']);
    expect(() => lab.run(sys.read(limit))).toThrow('errno 19');
    expect(() => lab.run(sys.write(procs, `${lab.taskPid}\n`))).toThrow('errno 19');
    expect(lab.frees(sys.close(limit)).sort()).toEqual(['dentry', 'inode_cache']);
  });
});

describe('a directory', () => {
  it('can be left after it was removed; nothing is found in it meanwhile', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    lab.run(sys.chdir('a'));
    lab.run(sys.rmdir(`${HIERARCHY}/a`));
    lab.run(sys.mkdir(`${HIERARCHY}/a`));
    lab.settle();
    expect(() => lab.run(sys.open('memory.limit_in_bytes'))).toThrow('errno 2');
    expect(() => lab.run(sys.mkdir('b'))).toThrow('errno 19');
    expect(lab.frees(sys.chdir(HIERARCHY))).toEqual(['dentry']);
  });

  it('is the same at both places where the hierarchy is mounted', () => {
    const lab = new Lab();
    lab.run(sys.mkdir(`${HIERARCHY}/a`));
    expect(lab.allocations(readFile('/sys/fs/cgroup/memory/a/memory.failcnt'))).not.toEqual([]);
    expect(lab.allocations(readFile(`${HIERARCHY}/a/memory.failcnt`))).toEqual([]);
    lab.run(sys.rmdir(`${HIERARCHY}/a`));
    expect(() => lab.run(sys.open('/sys/fs/cgroup/memory/a/memory.failcnt'))).toThrow('errno 2');
  });
});

describe('a CPU', () => {
  it('is idle, without a tick, while its only task sleeps', () => {
    const lab = new Lab();
    const sleeper = lab.start(sys.nanosleep(50e6), 2);
    lab.run(sys.nanosleep(10e6));
    const { ownWords } = lab.cpu(2);
    const before = ownWords.interrupts.copy();
    expect(ownWords.idle).toBe(true);
    lab.run(sys.nanosleep(30e6));
    expect(ownWords.interrupts.copy()).toEqual(before);
    lab.finish(sleeper);
    expect(ownWords.interrupts.localTimer).toBe(before.localTimer + 1);
  });

  it('is not idle while its task is in user mode or in the kernel', () => {
    const lab = new Lab();
    const busy = function* busy(): Program<void> {
      for (let n = 0; n < 500; n++) yield* sys.chdir('/tmp');
    };
    const task = lab.start(busy(), 2);
    const samples: boolean[] = [];
    lab.until(() => {
      samples.push(lab.cpu(2).ownWords.idle);
      return lab.machine.guest(task).outcome !== null;
    });
    expect(samples.length).toBeGreaterThan(1000);
    expect(samples.slice(0, -1)).not.toContain(true);
    expect(lab.cpu(2).ownWords.idle).toBe(true);
  });
});
