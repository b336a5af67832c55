import { describe, expect, it } from 'vitest';
import type { CheckResult, Interleaving, MatrixResult, MatrixRow } from '../check.js';
import { renderCheck } from './render-check.js';
import { renderInterleaving } from './render-interleaving.js';
import { renderMatrix } from './render-matrix.js';

const plain = { width: 100, color: false, unicode: true };

const survived: CheckResult = {
  schema: 'kmemlab.check/1',
  experiment: 'tune-slabinfo',
  kernel: 'v4.10',
  config: ['slab', 'nonpreempt', 'hz=250'],
  machine: { nodes: 2, cpusPerNode: 2 },
  params: { writes: 1 },
  strategy: 'pct',
  depth: 3,
  seed: 1,
  asked: 2000,
  schedules: 2000,
  complete: false,
  states: 123_456,
  orders: 1900,
  steps: 1_000_000,
  longest: 600,
  outcome: 'ok',
  elapsed: { hostNs: 2e9 },
};

const found: CheckResult = {
  ...survived,
  kernel: 'v4.10+never-kick',
  schedules: 26,
  outcome: 'violation',
  verdict: {
    class: 'use-after-free',
    id: 'SLAB-4',
    object: 'array_cache set 1',
    steps: [{ cpu: 0, task: 'script', function: 'freeArraySet', time: 100, stack: ['freeArraySet', 'sysWrite'] }],
    detail: 'stores into freed memory',
  },
  counterexample: {
    index: 25,
    harmless: false,
    experiment: 'tune-slabinfo',
    kernel: 'v4.10+never-kick',
    machine: { nodes: 1, cpusPerNode: 2 },
    params: { writes: 1 },
    stalls: [{ step: 58, ns: 11_600 }],
    steps: 113,
  },
  replay: 'uaf.json',
};

describe('a check', () => {
  it('that finds nothing says how much it tried, and how fast', () => {
    const text = renderCheck(survived, plain);
    expect(text).toContain('check tune-slabinfo on v4.10: 2,000 schedules, none breaks it');
    expect(text).toContain('about 1,900 different orders, 123,456 states');
    expect(text).toContain('2.00 s, 1,000/s');
  });

  it('that was complete, interrupted or failed says so', () => {
    expect(renderCheck({ ...survived, complete: true }, plain)).toContain('no schedule within the bounds breaks it');
    expect(renderCheck({ ...survived, outcome: 'incomplete' }, plain)).toContain('interrupted, nothing found so far');
    expect(renderCheck({ ...survived, outcome: 'failed' }, plain)).toContain('on v4.10: failed');
  });

  it('that finds something shows the verdict, the smallest schedule and how to see it', () => {
    const text = renderCheck(found, plain);
    expect(text).toContain('use-after-free (SLAB-4)');
    expect(text).toContain('26 of 2,000 schedules');
    expect(text).toContain('2 CPUs on 1 node, writes=1, 113 events');
    expect(text).toContain('somebody was late 1 time:\n    at event 58, 11.6 µs');
    expect(text).toContain('kmemlab replay uaf.json');
  });

  it('tells only the first of many delays, and that a rule was broken without harm', () => {
    const stalls = Array.from({ length: 20 }, (_, step) => ({ step, ns: 100 }));
    const counterexample = { ...found.counterexample, stalls, harmless: true } as CheckResult['counterexample'] &
      object;
    const text = renderCheck({ ...found, counterexample }, plain);
    expect(text).toContain('and 12 more');
    expect(text).toContain('in no schedule tried did that do harm');
  });
});

describe('an interleaving', () => {
  const step = (time: number, cpu: number, text: string) => ({ kind: 'step', time, cpu, text }) as const;
  const interleaving: Interleaving = {
    cpus: 3,
    rows: [
      ...Array.from({ length: 20 }, (_, n) => step(n, 0, `before ${n}`)),
      { kind: 'stall', time: 20, cpu: 2, text: 'late by 5 ms' },
      step(21, 0, 'slab.publishSet'),
      { kind: 'conflict', time: 22, cpu: 2, text: '1: cacheGrow' },
    ],
  };

  it('has one column for each CPU that does something, and begins shortly before the first delay', () => {
    const lines = renderInterleaving(interleaving, { ...plain, all: false }).split('\n');
    expect(lines[0]).toMatch(/^model ns {2}CPU0 +CPU2$/);
    expect(lines[1]).toContain('8 steps before (--all shows them)');
    expect(lines[2]).toContain('before 8');
    expect(lines.find((line) => line.includes('~ late by 5 ms'))?.indexOf('~')).toBe(lines[0]?.indexOf('CPU2'));
    expect(lines.at(-2)).toMatch(/✗ 1: cacheGrow$/);
  });

  it('shows everything if asked to, and shortens what does not fit', () => {
    const text = renderInterleaving(interleaving, { ...plain, all: true });
    expect(text).toContain('before 0');
    const long = { cpus: 1, rows: [step(1, 0, 'x'.repeat(200))] };
    for (const line of renderInterleaving(long, { ...plain, all: true }).split('\n')) {
      expect(line.length).toBeLessThanOrEqual(plain.width);
    }
  });

  it('has plain characters where there are no others', () => {
    const text = renderInterleaving(interleaving, { width: 80, color: false, unicode: false, all: true });
    expect(text).toContain('! 1: cacheGrow');
  });
});

describe('a matrix', () => {
  const row = (more: Partial<MatrixRow>): MatrixRow => ({ schedules: 1, hostNs: 1e6, asExpected: true, ...more });
  const matrix = (
    rows: readonly MatrixRow[],
    leftOut: readonly string[] = [],
    aimed: readonly string[] = [],
  ): MatrixResult => ({
    schema: 'kmemlab.matrix/1',
    version: 'v4.10',
    config: ['slab'],
    strategy: 'pct',
    seed: 1,
    asked: 300,
    scenarios: ['torture 2x2'],
    rows,
    leftOut,
    aimed,
    outcome: 'ok',
    elapsed: { hostNs: 1e9 },
  });

  it('names the mutations that have no row, and says why', () => {
    expect(renderMatrix(matrix([row({})]), plain)).not.toContain('left out');
    const text = renderMatrix(matrix([row({})], ['lose-item', 'keep-owner'], ['lose-item']), { ...plain, width: 140 });
    expect(text).toContain('left out: 1 mutation, not for v4.10: keep-owner');
    expect(text).toContain('left out: 1 mutation, only found by a search aimed at it: lose-item');
  });

  it('shows what each kernel breaks and what was found, and how many are not as they should be', () => {
    const uaf = { class: 'use-after-free', id: 'SLAB-4' };
    const rows = [row({}), row({ patch: 'never-kick', breaks: 'SLAB-4', verdict: uaf, scenario: 'torture 2x2' })];
    const text = renderMatrix(matrix(rows), { ...plain, width: 140 });
    expect(text).toContain('all 2 as they should be');
    expect(text).toMatch(/\(none\) +- +nothing/);
    expect(text).toMatch(/never-kick +SLAB-4 +use-after-free \(SLAB-4\) +1 +1\.00 ms +torture 2x2/);
    const wrong = renderMatrix(matrix([...rows, row({ patch: 'x', breaks: 'WQ-1', asExpected: false })]), plain);
    expect(wrong).toContain('1 of 3 not as they should be');
  });
});
