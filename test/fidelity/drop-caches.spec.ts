import { type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab, type LabOptions } from './lab.js';

const SECOND = 1e9;
const MEMCGS = 40;

function* nap(seconds: number): Program<void> {
  for (let n = 0; n < 4 * seconds; n++) yield* sys.nanosleep(SECOND / 4);
}

/** The loop of the 2017 mail; each memcg has time to get its caches. */
function* createAll(pid: number): Program<void> {
  yield* sys.chdir(HIERARCHY);
  for (let i = 0; i < MEMCGS; i++) {
    yield* sys.mkdir(String(i));
    yield* writeFile(`${i}/memory.limit_in_bytes`, '1G\n');
    yield* writeFile(`${i}/memory.kmem.limit_in_bytes`, '1G\n');
    yield* writeFile(`${i}/cgroup.procs`, `${pid}\n`);
    yield* sys.close(yield* sys.create('/tmp/x'));
    yield* sys.unlink('/tmp/x');
    yield* sys.nanosleep(SECOND / 50);
  }
}

function* removeAll(pid: number): Program<void> {
  yield* writeFile('cgroup.procs', `${pid}\n`);
  for (let i = 0; i < MEMCGS; i++) yield* sys.rmdir(String(i));
}

const drop = (): Program<void> => writeFile('/proc/sys/vm/drop_caches', '2\n');

function removedLab(options: LabOptions): Lab {
  const lab = new Lab(options);
  lab.run(sys.chdir(HIERARCHY));
  lab.run(createAll(lab.taskPid));
  lab.run(removeAll(lab.taskPid));
  lab.run(nap(20));
  lab.settle();
  return lab;
}

const unused = (lab: Lab): number =>
  lab.machine.nodes.reduce((sum, { listLrus }) => sum + [...listLrus.of('cgroup').items()].length, 0);

describe('dropping the dentry cache after the removal of memcgs whose creation kept up', () => {
  it.each([
    { nodes: 1, cpus: 4 },
    { nodes: 2, cpus: 2 },
  ])('frees nearly all of the memcgs that negative dentries pinned, on $nodes x $cpus', (options) => {
    const lab = removedLab(options);
    expect(lab.memcgs().length).toBeGreaterThan(0.85 * MEMCGS);
    expect(unused(lab)).toBeGreaterThanOrEqual(MEMCGS);
    lab.run(drop());
    lab.run(nap(15));
    lab.settle();
    expect(lab.memcgs().length).toBeLessThanOrEqual(4);
    for (const { listLrus } of lab.machine.nodes) expect(listLrus.of('cgroup').ids).not.toContain(0);
  });
});

const unusedNames = (lab: Lab): string[] =>
  lab.machine.nodes.flatMap(({ listLrus, dentries }) =>
    [...listLrus.of('cgroup').items()].map((dentry) => dentries.peek(dentry)?.name ?? 'freed'),
  );

describe('an unused dentry', () => {
  it('is only aged by the first scan after its last use, and freed by the next', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(readFile('memory.failcnt'));
    expect(unusedNames(lab)).toEqual(['memory.failcnt']);
    lab.run(drop());
    expect(unusedNames(lab)).toEqual(['memory.failcnt']);
    lab.run(readFile('memory.failcnt'));
    lab.run(drop());
    expect(unusedNames(lab)).toEqual(['memory.failcnt']);
    expect(lab.frees(drop())).toContain('inode_cache');
    expect(unusedNames(lab)).toEqual([]);
  });

  it('takes the directories above with it that nobody else uses', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    lab.run(sys.mkdir('a/b'));
    lab.run(readFile('a/b/memory.failcnt'));
    expect(unusedNames(lab)).toEqual(['memory.failcnt']);
    const freed = lab.frees(
      (function* twice(): Program<void> {
        yield* drop();
        yield* drop();
      })(),
    );
    expect(freed.filter((name) => name === 'inode_cache')).toHaveLength(3);
    expect(lab.run(readFile('a/b/memory.failcnt'))).toBe('0\n');
  });

  it('stays while it is the current directory of a task', () => {
    const lab = new Lab();
    lab.run(sys.mkdir(`${HIERARCHY}/a`));
    lab.run(sys.chdir(`${HIERARCHY}/a`));
    for (let n = 0; n < 3; n++) lab.run(drop());
    lab.settle();
    expect(lab.run(readFile('memory.failcnt'))).toBe('0\n');
  });
});

describe('tasks that use names while another drops the dentry cache', () => {
  function* repeat(times: number, body: () => Program<unknown>): Program<void> {
    yield* sys.chdir(HIERARCHY);
    for (let n = 0; n < times; n++) {
      yield* body();
      yield* sys.nanosleep(10_000);
    }
  }
  const parts: ((cpu: number) => Program<unknown>)[] = [
    () => drop(),
    () => readFile('shared/deep/memory.failcnt'),
    function* useOwn(cpu) {
      yield* sys.mkdir(`own${cpu}`);
      yield* readFile(`own${cpu}/memory.usage_in_bytes`);
      yield* sys.rmdir(`own${cpu}`);
    },
    function* move() {
      yield* sys.chdir('shared');
      yield* readFile('deep/memory.usage_in_bytes');
      yield* sys.chdir(HIERARCHY);
    },
  ];

  it.each([1, 2])('never fail and leave every dentry on one list, on %i nodes', (nodes) => {
    for (let seed = 1; seed <= 3; seed++) {
      const lab = new Lab({ nodes, cpus: 4 / nodes, strategy: 'random', seed });
      lab.run(sys.mkdir(`${HIERARCHY}/shared`));
      lab.run(sys.mkdir(`${HIERARCHY}/shared/deep`));
      const start = (part: (typeof parts)[number], cpu: number): number =>
        lab.start(
          repeat(cpu === 0 ? 100 : 20, () => part(cpu)),
          cpu,
        );
      for (const task of parts.map(start)) lab.finish(task);
      lab.settle();
      expect(lab.count('dentries_shrunk')).toBeGreaterThan(4);
      for (const { dentries, listLrus } of lab.machine.nodes) {
        const listed = [...dentries.entries()].filter(([, { lru }]) => lru === 'listed').map(([dentry]) => dentry);
        const items = [...listLrus.of('cgroup').items(), ...listLrus.of('proc').items()];
        expect(items.sort()).toEqual(listed.sort());
        expect([...dentries.entries()].filter(([, { lru, killed }]) => lru === 'shrinking' || killed)).toEqual([]);
      }
    }
  });
});
