import { describe, expect, it } from 'vitest';
import { kickCounters, liveResult, patchedResult, sampleResult } from '../fixtures/sample-result.js';
import { compareResults } from './compare.js';
import type { RunResult } from './schema.js';

const meaning = (...results: RunResult[]) => compareResults(results).meaning;
const withKicks = (kicks: number, more: Partial<RunResult> = {}) =>
  sampleResult({
    counters: kickCounters(kicks, { caches: { created: 300, destroyed: 0, live: 430, dead: 0 } }),
    durations: {},
    ...more,
  });

describe('compareResults', () => {
  it('gives each quantity per kernel with its ratio to the first', () => {
    const { kernels, quantities } = compareResults([sampleResult(), patchedResult()]);
    expect(kernels).toEqual(['v4.10', 'v4.10+avoid-kick-on-create']);
    const values = (key: string) => quantities.find((quantity) => quantity.key === key)?.values;
    expect(values('kicksPerStep')).toEqual([
      { mean: 3, min: 3, max: 3, runs: 1, ratio: 1 },
      { mean: 0, min: 0, max: 0, runs: 1, ratio: 0 },
    ]);
    expect(values('slab_mutex.hold.p50')?.[1]?.ratio).toBeCloseTo(5 / 9);
    expect(values('kick_all_cpus_sync.p50')?.[1]).toBeNull();
  });

  it('gives the range over seeds, and no ratio to zero', () => {
    const { quantities } = compareResults([patchedResult(), withKicks(10), withKicks(20, { seed: 2 })]);
    const kicks = quantities.find(({ key }) => key === 'kicks');
    expect(kicks?.values[1]).toEqual({ mean: 15, min: 10, max: 20, runs: 2 });
  });

  it('leaves runs out that did not finish, as long as others did', () => {
    const kicksOf = (...results: RunResult[]) =>
      compareResults(results).quantities.find(({ key }) => key === 'kicks')?.values[0];
    const cut = withKicks(3, { outcome: 'incomplete' });
    expect(kicksOf(cut, withKicks(20, { seed: 2 }))).toMatchObject({ mean: 20, min: 20, runs: 1 });
    expect(kicksOf(cut)).toMatchObject({ mean: 3, runs: 1 });
  });

  it('never puts model time and host time into one row', () => {
    const host = { clock: 'host', unit: 'ns', count: 1, p50: 1, p99: 1, max: 1, mean: 1 } as const;
    const live = patchedResult({ durations: { 'slab_mutex.hold': host } });
    const rows = compareResults([sampleResult(), live]).quantities.filter(({ key }) => key === 'slab_mutex.hold.p50');
    expect(rows.map(({ clock, values }) => [clock, values.map((spread) => spread !== null)])).toEqual([
      ['model', [true, false]],
      ['host', [false, true]],
    ]);
  });
});

describe('meaning', () => {
  it('says of find-timing what a name costs, and nothing of kicks that there are not', () => {
    const find = { entries: 10, repeats: [] };
    const run = (kernel: string, messages: number): RunResult => {
      const { phases, ...rest } = patchedResult({ kernel, experiment: 'find-timing', find, durations: {} });
      const counted = { ...(phases.create as NonNullable<typeof phases.create>), calls: { percpu_ref_local: 40 } };
      const sent = { sameNode: messages, crossNode: 0, byKind: {} };
      const quiet = { ...rest.counters, ipi: { ...rest.counters.ipi, sent: 0 } };
      return { ...rest, counters: quiet, phases: { find: { ...counted, messages: sent } } } as unknown as RunResult;
    };
    expect(meaning(run('a', 90), run('b', 113))[0]).toBe(
      'a find in b takes 11.300 messages an entry instead of 9 and the same 4 percpu_ref operations.',
    );
  });

  it('states the saving of the patch and the cost that stays', () => {
    expect(meaning(sampleResult(), patchedResult())).toEqual([
      'v4.10+avoid-kick-on-create creates the same 300 caches with 0 kicks instead of 300: 2,100 fewer IPIs, 21 per loop; removal still costs the same 4,200 IPIs; slab_mutex is held 5.00 µs instead of 9.00 µs (p50, model time).',
    ]);
  });

  it('says worse when it is worse', () => {
    expect(meaning(withKicks(10), withKicks(11, { kernel: 'worse' }))[0]).toMatch(
      /^worse creates the same 300 caches with 11 kicks instead of 10: 7 more IPIs, 0\.070 per loop;/,
    );
  });

  it('says the same when it is the same', () => {
    expect(meaning(withKicks(10), withKicks(10, { kernel: 'b' }))[0]).toMatch(
      /^b creates the same 300 caches with the same 10 kicks: the same 70 IPIs; removal still costs/,
    );
    expect(meaning(withKicks(0), withKicks(0, { kernel: 'b' }))[0]).toContain('without a kick, as v4.10 does');
  });

  it('claims no difference when seeds overlap', () => {
    const text = meaning(
      withKicks(10),
      withKicks(20, { seed: 2 }),
      withKicks(12, { kernel: 'b' }),
      withKicks(14, { kernel: 'b', seed: 2 }),
    )[0];
    expect(text).toContain('with 13 on average (12 to 14) kicks against 15 on average (10 to 20), no more apart');
    expect(text).toContain('IPIs differ no more than seeds do');
    expect(text).not.toMatch(/fewer|more IPIs/);
  });

  it('does not blame a kernel for the cgroups of a bystander, of which some are under way', () => {
    const left = (dying: number, more: Partial<RunResult> = {}) => {
      const { memcg, ...counters } = kickCounters(3);
      return sampleResult({
        counters: { ...counters, memcg: { ...memcg, dying } },
        phases: {},
        durations: {},
        ...more,
      });
    };
    const kernel = 'v4.10+mine';
    expect(meaning(left(1), left(9, { kernel }))[0]).toContain('leaves 9 removed memcgs behind instead of 1');
    const durations = {
      'bystander.mkdir': { clock: 'model', unit: 'ns', count: 1, p50: 1, p99: 1, max: 1, mean: 1 },
    } as const;
    expect(meaning(left(1, { durations }), left(9, { kernel, durations }))[0]).not.toContain('behind');
  });

  it('names shutdowns as the reason when removal differs with them', () => {
    const base = sampleResult();
    const remove = base.phases.remove as RunResult['phases'][string];
    const calls = { ...remove.calls, shutdown_cache: 300 };
    const more = { ...base.phases, remove: { ...remove, calls, ipi: { ...remove.ipi, sent: 4_284 } } };
    expect(meaning(base, sampleResult({ kernel: 'b', phases: more }))[0]).toContain(
      'removal costs 84 more IPIs (shutdown_cache ran 300 times instead of 288)',
    );
  });

  it('draws no conclusion from one live run each about what the schedule decides, nor from times of too many CPUs', () => {
    const patched = patchedResult();
    const { remove } = patched.phases;
    if (remove === undefined) throw new Error('no phase remove');
    const phases = { ...patched.phases, remove: { ...remove, ipi: { ...remove.ipi, sent: 4_214 } } };
    const { kernel, counters } = patched;
    expect(meaning(liveResult(), liveResult({ kernel, counters, phases }))).toEqual([
      'v4.10+avoid-kick-on-create creates the same 300 caches with 0 kicks instead of 300: 2,100 fewer IPIs, 21 per loop; removal cost 4,214 IPIs against 4,200, which the schedule decides.',
    ]);
  });

  it('speaks of writes where no cache is created', () => {
    const tune = (kicks: number, kernel: string) =>
      sampleResult({ kernel, params: { writes: 100 }, counters: kickCounters(kicks), phases: {}, durations: {} });
    expect(meaning(tune(100, 'a'), tune(0, 'b'))).toEqual([
      'b does the same 100 writes with 0 kicks instead of 100: 700 fewer IPIs, 7 per write.',
    ]);
  });

  it('names a verdict or an unfinished run instead of comparing', () => {
    const verdicts = [{ class: 'use-after-free', id: 'V0-b', object: 'x', steps: [] }];
    const bad = withKicks(0, { kernel: 'bad', outcome: 'violation', verdicts });
    expect(meaning(withKicks(10), bad)).toEqual([
      'bad has a use-after-free verdict (V0-b), and v4.10 has none: that comes before any difference in the counts.',
    ]);
    const failure = { kind: 'interrupted', detail: 'Ctrl-C' };
    const stopped = withKicks(0, { kernel: 'b', outcome: 'incomplete', failure });
    expect(meaning(withKicks(10), stopped)).toEqual(['b did not finish (interrupted): the numbers are not compared.']);
  });

  it('does not compare different machines', () => {
    const large = withKicks(0, { kernel: 'b', machine: { nodes: 4, cpusPerNode: 4 } });
    expect(meaning(withKicks(10), large)[0]).toMatch(/different experiments, machines or parameters: not compared/);
  });
});
