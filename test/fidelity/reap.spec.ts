import { type Program, sys } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { Lab } from './lab.js';

const SECOND = 1e9;

/** Sleep for `seconds` in all, waking the CPU every `nap` seconds. */
function* nap(seconds: number, nap: number): Program<void> {
  for (let slept = 0; slept < seconds; slept += nap) yield* sys.nanosleep(nap * SECOND);
}

function* files(prefix: string, n: number, act: (path: string) => Program<unknown>): Program<void> {
  for (let i = 0; i < n; i++) yield* act(`/tmp/${prefix}${i}`);
}

function* create(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
}

const reaps = (lab: Lab): number[] => lab.machine.cpus.map(({ counters }) => counters.get('cache_reap'));

function grownReaps(lab: Lab, act: () => void): number[] {
  const before = reaps(lab);
  act();
  return reaps(lab).map((n, cpu) => n - (before[cpu] ?? 0));
}

describe('cache_reap', () => {
  it('does not wake an idle CPU: without other work no CPU reaps, and the machine sleeps', () => {
    const lab = new Lab();
    // Each CPU's first reap is put off as soon as it is due; afterwards nothing at all is left to happen.
    const reaped = grownReaps(lab, () =>
      expect(() => lab.until(() => lab.machine.modelTime > 30 * SECOND)).toThrow('empty'),
    );
    expect(reaped).toEqual([0, 0, 0, 0]);
    expect(lab.machine.modelTime).toBeLessThan(3 * SECOND);
  });

  it('runs late on a CPU that something else wakes, and on no other', () => {
    const lab = new Lab();
    expect(grownReaps(lab, () => lab.run(nap(10, 10)))).toEqual([0, 0, 0, 0].with(0, 1));
  });

  it('runs every two seconds on a CPU that is woken often', () => {
    const lab = new Lab();
    const [own = 0, ...others] = grownReaps(lab, () => lab.run(nap(20, 0.25)));
    expect(own).toBeGreaterThanOrEqual(8);
    expect(own).toBeLessThanOrEqual(10);
    expect(others).toEqual([0, 0, 0]);
  });

  it('runs on a CPU that a task keeps busy after it was idle when the timer expired', () => {
    const lab = new Lab();
    lab.run(sys.nanosleep(5 * SECOND), { kind: 'pinned', cpu: 1 });
    const path = '/tmp/busy';
    const busy = function* busy(): Program<void> {
      for (let n = 0; n < 200; n++) {
        yield* create(path);
        yield* sys.unlink(path);
      }
    };
    const reaped = grownReaps(lab, () => lab.finish(lab.start(busy(), 2)));
    expect(reaped[2]).toBe(1);
  });

  it('only re-arms itself while slab_mutex is taken', () => {
    const lab = new Lab();
    const mutex = lab.machine.nodes[0]?.mutex('slab_mutex');
    if (mutex === undefined) throw new Error('no slab_mutex');
    const cache = lab.cpu(0).rootCache('dentry');
    lab.run(files('f', 50, create));
    lab.run(files('f', 50, (path) => sys.unlink(path)));
    lab.settle();
    const array = () => lab.cpu(0).ownWords.arrays.get(lab.cpu(0).published.caches.read(cache, 3))?.avail;
    const before = array();
    expect(before).toBeGreaterThan(0);
    mutex.owner = 4711;
    const [own = 0] = grownReaps(lab, () => lab.run(nap(9, 0.25)));
    expect(own).toBeGreaterThanOrEqual(3);
    expect(array()).toBe(before);
  });
});

/** Entries of an untouched full array after each run, until it is empty: spec/slab.md §5. */
const decays = [
  { cache: 'dentry', limit: 120, runs: [120, 96, 72, 48, 24, 0] },
  { cache: 'shmem_inode_cache', limit: 54, runs: [54, 43, 32, 21, 10, 5, 2, 1, 0] },
];

describe.each(decays)('a full array of $cache ($limit objects)', ({ cache, limit, runs }) => {
  it(`empties in ${runs.length - 1} runs after one that clears touched`, () => {
    const lab = new Lab();
    const handle = lab.cpu(0).rootCache(cache);
    const array = () => {
      const set = lab.cpu(0).published.caches.read(handle, 3);
      const found = lab.cpu(0).ownWords.arrays.get(set);
      if (found === undefined) throw new Error(`CPU0 has no array of ${cache}`);
      return found;
    };
    lab.run(files('spare', limit, create));
    lab.run(files('bulk', 3 * limit, create));
    lab.run(files('bulk', 3 * limit, (path) => sys.unlink(path)));
    lab.settle();
    lab.run(files('spare', limit - array().avail, (path) => sys.unlink(path)));
    lab.settle();
    expect(array()).toMatchObject({ avail: limit, limit, touched: true });
    const seen: { touched: boolean; avail: number }[] = [];
    for (let n = 0; n < 3 * runs.length; n++) {
      seen.push({ touched: array().touched, avail: array().avail });
      const before = lab.cpu(0).counters.get('cache_reap');
      lab.run(
        (function* untilReaped(): Program<void> {
          while (lab.cpu(0).counters.get('cache_reap') === before) yield* sys.nanosleep(SECOND / 4);
          yield* sys.nanosleep(SECOND / 4);
        })(),
      );
      if (array().avail === 0) break;
    }
    const untouched = seen.findIndex(({ touched }) => !touched);
    expect(untouched).toBe(1);
    expect([...seen.slice(untouched).map(({ avail }) => avail), array().avail]).toEqual(runs);
  });
});
