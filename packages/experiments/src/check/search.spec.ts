import { RandomStream } from '@kmemlab/machine';
import { pctStalls, randomStalls, replay } from '@kmemlab/machine-sim';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Scenario } from '../api.js';
import { resolveScenario } from '../scenario/resolve.js';
import { search } from './search.js';
import { shrink } from './shrink.js';
import { type PhaseEnd, Subject } from './subject.js';
import { prepare, trySchedules, WITHOUT_STALLS } from './try-schedules.js';
import type { SearchPlan } from './types.js';

const scenarioOf = (kernel: string, more = {}): Promise<Scenario> =>
  resolveScenario({ experiment: 'tune-slabinfo', kernel, engine: 'sim', forSearch: true, ...more });

const planOf = async (kernel: string, more: Partial<SearchPlan> = {}): Promise<SearchPlan> => ({
  scenario: await scenarioOf(kernel),
  strategy: 'pct',
  schedules: 200,
  depth: 3,
  anyVerdict: false,
  ...more,
});

const slubOnTwo = { config: 'slub', nodes: 1, cpusPerNode: 2 } as const;

describe('a subject', () => {
  let subject: Subject;
  beforeAll(async () => {
    subject = await Subject.of(await scenarioOf('v4.10+never-kick'));
  });

  it('begins each trial where the boot ended, whatever the trials before came to', async () => {
    const first = await subject.trial(WITHOUT_STALLS);
    for (let seed = 0; seed < 20; seed++) {
      const stalled = await subject.trial(pctStalls(new RandomStream(seed, 'trial'), 3, first.extent));
      const again = await subject.trial(replay(stalled.stalls));
      expect(again.digest).toBe(stalled.digest);
      expect(again.verdict).toEqual(stalled.verdict);
    }
    expect(await subject.trial(WITHOUT_STALLS)).toEqual(first);
  });

  it.each([
    ['the machine is at rest there', 'v4.10+never-kick', {}, 'writes', 'settle'],
    ['callbacks are pending there', 'v4.12', { ...slubOnTwo, experiment: 'empty-cache' }, 'remove', 'create'],
    [
      'the machine does not get on afterwards',
      'v3.14+reparent-2014',
      { ...slubOnTwo, experiment: 'root-destruction', params: { memcgs: '1', when: 'removing', gap: '30000' } },
      'unload',
      'use',
    ],
  ])(
    'is the same from a later beginning on, nobody being late before, where %s',
    async (_, kernel, more, from, begin) => {
      const scenario = await scenarioOf(kernel, more);
      const whole = await Subject.of(scenario);
      const { subject: later, extent } = await prepare({ scenario, from });
      expect(later.first.place).toMatchObject({ name: begin, step: extent.from?.step });
      expect(later.first.place.step).toBeGreaterThan(0);
      for (let seed = 0; seed < 20; seed++) {
        const trial = await later.trial(pctStalls(new RandomStream(seed, 'trial'), 3, extent));
        expect(await whole.trial(replay(trial.stalls))).toEqual(trial);
      }
    },
  );

  it.each([
    ['tune-slabinfo', 'v4.10'],
    ['avoid-ipis', 'v4.10'],
    ['empty-cache', 'v3.14'],
    ['find-timing', 'v4.10'],
    ['left-in-stock', 'v5.9'],
    ['reparenting-2014', 'v3.14'],
    ['zombies', 'v5.2'],
  ])('goes through the same schedules and states from wherever it begins: %s', async (experiment, kernel) => {
    const plan = await planOf(kernel, { scenario: await scenarioOf(kernel, { experiment }) });
    const { subject: later, extent, first } = await prepare(plan);
    const whole = await Subject.of(plan.scenario);
    const part = { first: 0, count: 40, given: [], expand: 0 };
    expect(await trySchedules({ subject: later, extent }, plan, part)).toEqual(
      await trySchedules({ subject: whole, extent }, plan, part),
    );
    const { step } = first.phases.findLast(({ still, step }) => still && step < extent.steps) as PhaseEnd;
    expect(step).toBeGreaterThan(0);
    expect(later.beginningFor(replay([{ step, ns: 100 }])).place.step).toBe(step);
    expect(later.beginningFor(replay([{ step: step - 1, ns: 100 }])).place.step).toBeLessThan(step);
  });

  it('is the same machine each time it is made', async () => {
    const other = await Subject.of(await scenarioOf('v4.10+never-kick'));
    const [a, b] = [subject, other].map((each) => each.trial(randomStalls(new RandomStream(4, 'trial'))));
    expect(await a).toEqual(await b);
  });

  it('tells a rule that was broken without harm from the harm', async () => {
    expect(await subject.trial(WITHOUT_STALLS)).toMatchObject({ harmless: true, verdict: { id: 'SLAB-4' } });
  });

  it('ends every trial with what the boot ended with', async () => {
    const broken = await Subject.of(await scenarioOf('v4.10+kick-twice'));
    const { verdict, harmless } = await broken.trial(WITHOUT_STALLS);
    expect(verdict).toMatchObject({ id: 'SLAB-7' });
    expect(harmless).toBe(false);
  });
});

describe('a search', () => {
  it('gives the same answer on one thread and on three', async () => {
    const plan = await planOf('v4.10+never-kick');
    const one = await search(plan, { jobs: 1 });
    const three = await search(plan, { jobs: 3 });
    expect(one.found).toMatchObject({ harmless: false, verdict: { class: 'use-after-free', id: 'SLAB-4' } });
    expect(three).toEqual(one);
  });

  it('finds nothing in kernels that kick, or need not, and says how much it tried', async () => {
    for (const kernel of ['v4.10', 'v4.10+avoid-kick-on-create']) {
      const { schedules, found, orders, states, longest } = await search(await planOf(kernel));
      expect({ schedules, found }).toEqual({ schedules: 200, found: undefined });
      expect(orders).toBeGreaterThan(100);
      expect(states).toBeGreaterThan(longest);
    }
  });

  it('reports a rule broken without harm if no schedule shows harm', async () => {
    const { found, schedules } = await search(await planOf('v4.10+never-kick', { schedules: 3 }));
    expect(found).toMatchObject({ index: 0, harmless: true, verdict: { class: 'invariant-broken', id: 'SLAB-4' } });
    expect(schedules).toBe(3);
  });

  it('that is exhaustive tries everything within its bounds, or says that it did not', async () => {
    const shape = { nodes: 1, cpusPerNode: 2 };
    const plan = await planOf('v4.10', { strategy: 'exhaustive', depth: 1, schedules: 100_000 });
    const all = await search({ ...plan, scenario: await scenarioOf('v4.10', shape) });
    expect(all).toMatchObject({ complete: true, found: undefined });
    expect(all.schedules).toBeGreaterThan(100);
    const broken = { ...plan, scenario: await scenarioOf('v4.10+never-kick', shape) };
    const { found, schedules } = await search(broken);
    expect(await search({ ...broken, schedules: schedules - 1 })).toMatchObject({ complete: false });
    expect(found).toMatchObject({ harmless: false, verdict: { class: 'use-after-free' } });
    expect(found?.stalls).toHaveLength(1);
  });

  it.each([60, 700])(
    'that is exhaustive does not depend on the threads if it may try %i schedules only',
    async (schedules) => {
      const scenario = await scenarioOf('v4.10', { nodes: 1, cpusPerNode: 2 });
      const plan = await planOf('v4.10', { strategy: 'exhaustive', depth: 2, schedules, scenario });
      const one = await search(plan, { jobs: 1 });
      expect(one).toMatchObject({ schedules, complete: false });
      expect(await search(plan, { jobs: 3 })).toEqual(one);
    },
  );

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const plan = await planOf('v4.10', { schedules: 1e6 });
    const result = await search(plan, { signal: stop.signal, onProgress: () => stop.abort() });
    expect(result.interrupted).toBe(true);
    expect(result.schedules).toBeLessThan(1e6);
  });

  it('fails if a patch ends its thread', async () => {
    const text = `export default { name: 'ends', summary: 's', apply({ policies }) {
      policies.slab.afterPublish = function* () { process.exit(5); };
    } };`;
    const scenario = await scenarioOf('v4.10', { patchFiles: [{ path: 'ends.js', text }] });
    await expect(search(await planOf('v4.10', { scenario }))).rejects.toThrow(/thread of the search ended/);
  });

  it('names what a patch throws', async () => {
    const text = `export default { name: 'throws', summary: 's', apply({ policies }) {
      policies.slab.afterPublish = function* () { throw new Error('not today'); };
    } };`;
    const scenario = await scenarioOf('v4.10', { patchFiles: [{ path: 'throws.js', text }] });
    const detail = expect.stringMatching(/^not today \(throws\.js, line 2; CPU0 in /);
    expect(await search(await planOf('v4.10', { scenario }))).toMatchObject({ failure: { detail } });
  });
});

it('shrinking that is told to stop keeps what it has', async () => {
  const plan = await planOf('v4.10+never-kick');
  const { found } = await search(plan);
  if (found === undefined) throw new Error('nothing found');
  const stop = new AbortController();
  setImmediate(() => stop.abort());
  const { scenario, stalls, trial } = await shrink(plan, { ...found, index: 1e9 }, stop.signal);
  expect(scenario).toEqual(plan.scenario);
  expect(stalls).toEqual(found.stalls);
  expect(trial.verdict).toEqual(found.verdict);
});

it('shrinking leaves two CPUs, one write and one delay of the race that the kick prevents', async () => {
  const plan = await planOf('v4.10+never-kick', {
    scenario: await scenarioOf('v4.10+never-kick', { params: { writes: '3' } }),
  });
  const { found } = await search(plan);
  if (found === undefined) throw new Error('nothing found');
  const { scenario, stalls, trial } = await shrink(plan, found);
  expect(scenario).toMatchObject({ nodes: 1, cpusPerNode: 2, params: { writes: 1 } });
  expect(stalls).toHaveLength(1);
  expect(trial).toMatchObject({ verdict: { class: 'use-after-free', id: 'SLAB-4' }, harmless: false });
});
