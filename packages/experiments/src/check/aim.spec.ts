import { expect, test } from 'vitest';
import { bugClasses } from '../bugs/classes.js';
import { catalogue } from '../catalogue.js';
import { resolveScenario } from '../scenario/resolve.js';
import { type Aim, checkAim } from './aim.js';

const tuned = await resolveScenario({ experiment: 'tune-slabinfo', engine: 'sim', forSearch: true });

test.each<Aim>([
  {},
  { only: 'use-after-free' },
  { only: 'SLAB-4' },
  { only: 'V0-f' },
  { only: 'V4-d' },
  { only: 'BUG' },
  { windows: ['kmem_cache_free:loaded-cpu_cache', 'memcg_kmem_wq_lock:held'] },
  { from: 'writes' },
])('%j names what there is', async (aim) => {
  await expect(checkAim(tuned, aim)).resolves.toBeUndefined();
});

test.each<[Aim, string]>([
  [{ only: 'V0-j' }, '--only "V0-j": no verdict is called that; did you mean V0-b?'],
  [{ only: 'nonsense' }, '--only "nonsense": no verdict is called that; see kmemlab list verdicts'],
  [{ only: 'never-kick' }, '--only "never-kick": this bug shows as SLAB-4; give that'],
  [{ only: 'V0-a' }, '--only "V0-a": no verdict shows this bug; see kmemlab matrix --bug V0-a'],
  [{ only: 'V6-g' }, '--only "V6-g": no verdict shows this bug; see kmemlab matrix --bug V6-g'],
  [
    { windows: ['memcg_kmem_wq_lock:held', 'memcg_kmem_wq_lock:hold'] },
    '--window "memcg_kmem_wq_lock:hold": no preemption point is called that; did you mean memcg_kmem_wq_lock:held?',
  ],
  [{ from: 'write' }, '--from "write": tune-slabinfo has no such phase; did you mean writes?'],
])('%j is said to name nothing', async (aim, message) => {
  await expect(checkAim(tuned, aim)).rejects.toThrow(expect.objectContaining({ name: 'InputError', message }));
});

test('where a verdict ends the schedule without stalls, nobody knows what phases would follow', async () => {
  const ended = await resolveScenario({
    ...{ experiment: 'posted-defects', engine: 'sim', forSearch: true, config: 'slub' },
    ...{ kernel: 'v5.2+percpu-ref-lifecycle-v4', params: { defect: 'b' } },
  });
  await expect(checkAim(ended, { from: 'later' })).resolves.toBeUndefined();
});

test('a bug that verdicts are named by is in the catalogue with its title', () => {
  const entries = new Map(catalogue('verdicts').map(({ name, summary }) => [name, summary]));
  const named = bugClasses.filter(({ id }) => entries.has(id));
  expect(named.length).toBeGreaterThan(10);
  for (const { id, title } of named) expect(entries.get(id)).toBe(title);
});
