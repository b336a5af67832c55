import { GuestError, type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

/*
 * Active references of kernfs: an operation on a control file holds one, and rmdir waits for those in progress before it
 * kills the css. So no operation ever meets a freed css, however late it begins and however long it takes.
 */

/** A call that may fail because the cgroup has gone. Evaluates to its errno, 0 if it did not fail. */
function* attempt(program: Program<unknown>): Program<number> {
  try {
    yield* program;
    return 0;
  } catch (error) {
    if (!(error instanceof GuestError)) throw error;
    return error.errno;
  }
}

/** Uses the control files of `shared`, each through a descriptor that outlives the cgroup. */
function* user(rounds: number): Program<void> {
  yield* sys.chdir(HIERARCHY);
  for (let round = 0; round < rounds; round++) {
    const fds: number[] = [];
    for (const file of ['memory.limit_in_bytes', 'memory.kmem.limit_in_bytes', 'memory.usage_in_bytes']) {
      yield* attempt(
        (function* open(): Program<void> {
          fds.push(yield* sys.open(`shared/${file}`));
        })(),
      );
    }
    for (let n = 0; n < 8; n++) {
      for (const fd of fds) {
        yield* attempt(sys.write(fd, `${n}G\n`));
        yield* attempt(sys.read(fd));
      }
      yield* sys.nanosleep(2e6);
    }
    for (const fd of fds) yield* sys.close(fd);
  }
}

function* maker(rounds: number): Program<void> {
  yield* sys.chdir(HIERARCHY);
  for (let round = 0; round < rounds; round++) {
    yield* attempt(sys.mkdir('shared'));
    yield* attempt(writeFile('shared/memory.limit_in_bytes', '1G\n'));
    yield* sys.nanosleep(3e6);
    yield* attempt(sys.rmdir('shared'));
    yield* sys.nanosleep(5e6);
  }
}

/** Workers that are forked, moved by their manager while they work, and exit, in a cgroup that comes and goes. */
function* manager(rounds: number, name: string): Program<void> {
  yield* sys.chdir(HIERARCHY);
  for (let round = 0; round < rounds; round++) {
    yield* attempt(sys.mkdir(name));
    const worker = function* worker(): Program<void> {
      for (let n = 0; n < 4; n++) {
        yield* sys.touch(yield* sys.mmap());
        yield* sys.close(yield* sys.create(`/tmp/${name}${round}`));
        yield* attempt(sys.unlink(`/tmp/${name}${round}`));
      }
    };
    const pid = yield* sys.fork({ name: 'worker', program: worker, placement: { kind: 'walk' } });
    for (const place of [name, '.', name]) yield* attempt(writeFile(`${place}/cgroup.procs`, `${pid}\n`));
    yield* sys.wait();
    yield* attempt(sys.rmdir(name));
  }
}

const SEEDS = [3, 4, 5];

describe.each([1, 2])('on %i nodes', (nodes) => {
  it('control files of a cgroup that comes and goes never meet a freed css', () => {
    for (const seed of SEEDS) {
      const lab = new Lab({ nodes, cpus: 4 / nodes, strategy: 'random', seed });
      const tasks = [lab.start(maker(6), 0), lab.start(user(3), 1), lab.start(user(3), 2), lab.start(user(3), 3)];
      for (const task of tasks) lab.finish(task);
      lab.settle();
      expect(lab.memcgs()).toEqual(['/']);
    }
  });

  it('tasks that are moved while they work leave nothing behind', () => {
    for (const seed of SEEDS) {
      const lab = new Lab({ nodes, cpus: 4 / nodes, strategy: 'random', seed });
      const tasks = [0, 1, 2, 3].map((cpu) => lab.start(manager(4, cpu % 2 === 0 ? 'even' : 'odd'), cpu));
      for (const task of tasks) lab.finish(task);
      lab.settle();
      const left = lab.machine.nodes.reduce((sum, { tasks: structs }) => sum + structs.live, 0);
      expect(left).toBe(tasks.length);
      const used = lab.machine.nodes.flatMap(({ pages }) =>
        [...pages.entries()].filter(([, { use }]) => use !== undefined),
      );
      expect(used).toEqual([]);
    }
  });
});

describe('rmdir', () => {
  it('waits for an operation that is in progress', () => {
    const lab = new Lab();
    lab.run(sys.chdir(HIERARCHY));
    lab.run(sys.mkdir('a'));
    const [node] = lab.machine.nodes;
    const files = [...(node?.csses.entries() ?? [])].map(([, { cgroup }]) => cgroup?.files)[2];
    const fd = lab.run(sys.open('a/memory.limit_in_bytes'));
    let most = 0;
    const writer = lab.start(
      (function* write(): Program<void> {
        for (let n = 0; n < 50; n++) yield* attempt(writeFile(`${HIERARCHY}/a/memory.limit_in_bytes`, '1G\n'));
      })(),
      1,
    );
    const remover = lab.start(
      (function* remove(): Program<void> {
        yield* sys.nanosleep(0.2e6);
        yield* sys.rmdir(`${HIERARCHY}/a`);
      })(),
      2,
    );
    lab.until(() => {
      most = Math.max(most, files?.active ?? 0);
      return lab.machine.guest(writer).outcome !== null && lab.machine.guest(remover).outcome !== null;
    });
    expect(most).toBeGreaterThan(0);
    expect(files).toEqual({ active: 0, deactivated: true, drainer: 0 });
    expect(() => lab.run(sys.write(fd, '2G\n'))).toThrow('errno 19');
    expect(() => lab.run(readFile('a/memory.limit_in_bytes'))).toThrow('errno 2');
  });
});
