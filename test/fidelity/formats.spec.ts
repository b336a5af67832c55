import { type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

const SLABINFO_HEADER = [
  'slabinfo - version: 2.1',
  '# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>' +
    ' : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>',
];

const lineOf = (text: string, name: string): string =>
  text.split('\n').find((line) => line.startsWith(`${name} `)) ?? '';

/** Numbers of a slabinfo line. */
function numbersOf(line: string) {
  const [objects = [], tunables = [], slabs = []] = line
    .split(':')
    .map((part) => part.match(/ \d+/g)?.map(Number) ?? []);
  return { active: objects[0], objects: objects[1], tunables, slabs: slabs[1] };
}

function* tmpFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
}

describe('/proc/interrupts', () => {
  it('has one 11 characters wide column per CPU, and the kernel s row names and texts', () => {
    const lab = new Lab({ cpus: 2 });
    const [header, ...rows] = lab.run(readFile('/proc/interrupts')).split('\n');
    expect(header).toBe('           CPU0       CPU1       ');
    const number = '[ \\d]{10}';
    const texts = ['Local timer interrupts', 'Rescheduling interrupts', 'Function call interrupts', 'TLB shootdowns'];
    ['LOC', 'RES', 'CAL', 'TLB'].forEach((name, n) => {
      expect(rows[n]).toMatch(new RegExp(`^${name}: ${number} ${number}   ${texts[n]}$`));
    });
    expect(rows[4]).toBe('');
  });

  it('shows in the second field of the call line what CPU0 counted, as the script of 2017 reads it', () => {
    const lab = new Lab({ cpus: 3 });
    lab.run(writeFile('/proc/slabinfo', 'dentry 120 60 8\n'), { kind: 'pinned', cpu: 1 });
    const line = lineOf(lab.run(readFile('/proc/interrupts')), 'CAL:');
    expect(line.split(/\s+/).slice(0, 4)).toEqual(['CAL:', '1', '0', '1']);
  });
});

describe('/proc/slabinfo', () => {
  it('prints version 2.1 line for line as 4.10 does', () => {
    const lab = new Lab();
    lab.run(tmpFile('/tmp/x'));
    const lines = lab.run(readFile('/proc/slabinfo')).split('\n');
    expect(lines.slice(0, 2)).toEqual(SLABINFO_HEADER);
    const shape =
      /^.{17} [ \d]{6} [ \d]{6} [ \d]{6} [ \d]{4} [ \d]{4} : tunables [ \d]{4} [ \d]{4} [ \d]{4} : slabdata [ \d]{6} [ \d]{6} [ \d]{6}$/;
    for (const line of lines.slice(2, -1)) expect(line).toMatch(shape);
    expect(lines.at(-1)).toBe('');
  });

  it('shows 16 of 21 dentries and 6 of 6 inodes active after the first allocation', () => {
    const lab = new Lab();
    lab.run(tmpFile('/tmp/x'));
    const text = lab.run(readFile('/proc/slabinfo'));
    expect(lineOf(text, 'dentry')).toBe(
      'dentry                16     21    192   21    1 : tunables  120   60    8 : slabdata      1      1      0',
    );
    expect(numbersOf(lineOf(text, 'shmem_inode_cache'))).toMatchObject({ active: 6, objects: 6 });
  });

  it('lists the root caches only, the newest first', () => {
    const lab = new Lab();
    lab.run(sys.initModule('newest', 64));
    const names = lab
      .run(readFile('/proc/slabinfo'))
      .split('\n')
      .slice(2, -1)
      .map((line) => line.split(' ')[0]);
    expect(names[0]).toBe('newest');
    expect(names.at(-1)).toBe('kmem_cache');
    expect(new Set(names).size).toBe(names.length);
  });

  it('adds the children of a root to its counts, and shows them by the root s name in memory.kmem.slabinfo', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    lab.run(writeFile('a/cgroup.procs', `${lab.taskPid}\n`));
    lab.run(tmpFile('/tmp/x'));
    lab.flushCreation();
    const alone = numbersOf(lineOf(lab.run(readFile('/proc/slabinfo')), 'shmem_inode_cache'));
    lab.run(tmpFile('/tmp/y'));
    const own = lab.run(readFile('a/memory.kmem.slabinfo'));
    const both = numbersOf(lineOf(lab.run(readFile('/proc/slabinfo')), 'shmem_inode_cache'));
    const child = numbersOf(lineOf(own, 'shmem_inode_cache'));
    expect(child).toMatchObject({ active: 6, objects: 6, slabs: 1 });
    expect(both.objects).toBe((alone.objects ?? 0) + 6);
    expect(own.split('\n').slice(0, 2)).toEqual(SLABINFO_HEADER);
    expect(own).not.toContain('(');
  });

  it('takes new tunables for a root and its children', () => {
    const lab = new Lab();
    const text = 'dentry 122 61 4\n';
    const written = function* write(): Program<number> {
      const fd = yield* sys.open('/proc/slabinfo');
      const length = yield* sys.write(fd, text);
      yield* sys.close(fd);
      return length;
    };
    expect(lab.run(written())).toBe(text.length);
    expect(numbersOf(lineOf(lab.run(readFile('/proc/slabinfo')), 'dentry')).tunables).toEqual([122, 61, 4]);
  });

  it.each(['dentry 10 20 8\n', 'dentry 0 1 8\n', 'dentry 10 5 -1\n'])('ignores %j, which is out of range', (text) => {
    const lab = new Lab();
    const tuned = lab.growth(['do_tune_cpucache'], () => lab.run(writeFile('/proc/slabinfo', text)));
    expect(tuned).toEqual({ do_tune_cpucache: 0 });
  });

  it.each(['nonsense 120 60 8\n', 'dentry 120 60\n', 'dentry a b c\n', '\n'])('refuses %j', (text) => {
    const lab = new Lab();
    expect(() => lab.run(writeFile('/proc/slabinfo', text))).toThrow('errno 22');
  });
});

describe('/proc/cgroups', () => {
  it('counts a removed memcg until it is freed', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    const read = () => lab.run(readFile('/proc/cgroups'));
    const text = (n: number): string => `#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t1\t${n}\t1\n`;
    expect(read()).toBe(text(1));
    lab.run(sys.mkdir('a'));
    expect(read()).toBe(text(2));
    lab.run(sys.rmdir('a'));
    expect(read()).toBe(text(2));
    lab.settle();
    expect(read()).toBe(text(1));
  });
});

describe('control files of cgroup v1', () => {
  it('print a limit in bytes rounded down to pages, and no limit as the kernel does', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    const limit = () => lab.run(readFile('a/memory.limit_in_bytes'));
    expect(limit()).toBe('9223372036854771712\n');
    for (const [written, read] of [
      ['1G\n', '1073741824\n'],
      ['5000\n', '4096\n'],
      ['9007199254740993\n', '9007199254740992\n'],
      ['9223372036854771712\n', '9223372036854771712\n'],
      ['-1\n', '9223372036854771712\n'],
    ] as const) {
      lab.run(writeFile('a/memory.limit_in_bytes', written));
      expect(limit()).toBe(read);
    }
  });

  it('refuse a limit on the root cgroup', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    expect(() => lab.run(writeFile('memory.limit_in_bytes', '1G\n'))).toThrow('errno 22');
  });
});
