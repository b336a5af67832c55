import { catalogue } from '@kmemlab/experiments';
import type { RunResult } from '@kmemlab/results';
import { describe, expect, test, vi } from 'vitest';
import { LANES, runOn } from './in-process.js';
import { type Cell, cells } from './matrix.js';
import { sumOf, type Totals, totalsOf } from './totals.js';
import { misfits, type Variation } from './variations.js';

/** A run on a computer that does much else meanwhile. */
const MINUTES = 5 * 60_000;

vi.setConfig({ maxConcurrency: LANES, testTimeout: MINUTES });

const ended = ({ outcome, failure, verdicts }: RunResult) => ({
  outcome,
  failure,
  verdicts: verdicts.map(({ class: name }) => name),
});

const endWith = (verdict: string | undefined) => ({
  outcome: verdict === undefined ? 'ok' : 'violation',
  failure: undefined,
  verdicts: verdict === undefined ? [] : [verdict],
});

/** A line for each count in which the machines differ, and for each that is out of its bounds. */
function differences({ kernel, varies }: Cell, live: Totals, sim: Totals): string[] {
  const variations = varies.filter(({ kernels }) => kernels?.test(kernel) ?? true);
  return [...new Set([...live.keys(), ...sim.keys()])].flatMap((path) => {
    const [counted, expected] = [sumOf(live, path), sumOf(sim, path)];
    if (counted === expected) return [];
    const why = variations.filter(({ counts }) => counts.test(path));
    if (why.length > 0 && why.some((variation) => isWithin(variation, counted, expected))) return [];
    return [`${path}: ${counted} on the live machine, ${expected} on the deterministic one`];
  });
}

function isWithin({ bounds }: Variation, counted: number, expected: number): boolean {
  const [least, most] = bounds(expected);
  return counted >= least && counted <= most;
}

/** Messages of a kind while caches are made. */
const sent = ({ phases }: RunResult, kind: string): number => phases.create?.messages.byKind[kind] ?? 0;

/** Allocations are as many, whether or not their memcg’s cache existed yet. */
const allocations = (totals: Totals): number =>
  sumOf(totals, 'calls.accounted_allocations', 'calls.unaccounted_allocations');

test('every built-in experiment is in the table', () => {
  expect(new Set(cells.map(({ experiment }) => experiment))).toEqual(
    new Set(catalogue('experiments').map(({ name }) => name)),
  );
});

describe.concurrent('both machines agree', () => {
  test.for(cells)('$experiment in $kernel with $config, $params', async (cell) => {
    const { experiment, kernel, config, params, timeScale } = cell;
    const request = { experiment, kernel, config, params, nodes: 1, cpusPerNode: 2 };
    const sim = await runOn('sim', request);
    const live = await runOn('live', request, timeScale);
    expect(ended(sim)).toEqual(endWith(cell.verdict));
    expect([undefined, cell.verdict, cell.mayEnd].map(endWith)).toContainEqual(ended(live));
    // A run that ended early has no phases to compare.
    if (cell.verdict !== undefined || live.verdicts.length > 0) return;
    const [counted, expected] = [totalsOf(live), totalsOf(sim)];
    expect(misfits(counted)).toEqual([]);
    expect(differences(cell, counted, expected)).toEqual([]);
    if (!cell.varies.some(({ counts }) => counts.test('caches.created'))) {
      expect(allocations(counted)).toBe(allocations(expected));
    }
    for (const kind of cell.messages ?? []) expect(sent(live, kind)).toBe(sent(sim, kind));
    // Samples in between are of memcgs on their way out.
    expect(live.series?.at(-1)).toEqual(sim.series?.at(-1));
    expect(live.reparented).toEqual(sim.reparented);
  });
});
