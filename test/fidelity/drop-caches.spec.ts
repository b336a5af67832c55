import { type Program, sys, writeFile } from '@kmemlab/kernel';
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
