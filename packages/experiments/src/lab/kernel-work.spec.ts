import { expect, test } from 'vitest';
import { kernelWork } from './kernel-work.js';
import { StallWatch } from './stall-watch.js';

test('a cache of 5.3 that is deactivated is progress, although its item queues that of sysfs', () => {
  const idle = (own: string): number => {
    const watch = new StallWatch();
    return [1, 2, 3].reduce((_, done) => {
      const counts = new Map([
        ['kmemcg_workfn', done],
        ['queue_work', 100 + done],
        [own, done],
      ]);
      return watch.idleNs(
        done,
        0,
        kernelWork((name) => counts.get(name) ?? 0),
      );
    }, 0);
  };
  expect(idle('kmemcg_cache_deactivate_after_rcu')).toBe(0);
  expect(idle('queues itself')).toBe(2);
});
