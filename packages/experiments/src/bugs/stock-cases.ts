import type { BugCase, BugCases } from './types.js';

/* V3-d: what a CPU has in stock of a removed memcg is all that holds it. */

/** Memcgs used on a CPU each and removed; looked at before another is charged there. */
const stockOnly = {
  ...{ experiment: 'left-in-stock', nodes: 1, cpusPerNode: 3, config: 'slub' },
  finding: { class: 'zombie-memcg', pinnedBy: 'stock', phase: 'remove' },
} as const satisfies Omit<BugCase, 'expect'>;

/** Nobody drains a stock when a memcg goes offline (4.10, 4.12). */
export const stockNotDrained: BugCases = { 'V3-d': [{ ...stockOnly, expect: 'found', curedBy: 'v5.2' }] };

/** Stocks are drained then, unless somebody else is draining (5.2 and later). */
export const stockDrained: readonly BugCase[] = [
  { ...stockOnly, expect: 'found', condition: 'skipped: another drain is under way', params: { drainsOn: 2 } },
  { ...stockOnly, expect: 'clean', condition: 'no other drain is under way' },
];

/** The posted rework breaks REF-6 as soon as caches are shut down: its run ends within the phase. */
export const stockDrainedInPosted: readonly BugCase[] = stockDrained.map((one) => ({
  ...one,
  finding: { class: stockOnly.finding.class, pinnedBy: stockOnly.finding.pinnedBy },
}));

/** In 5.9 a stock holds its memcg also when its last page has been taken out of it, which nobody drains. */
export const stockWithoutPages: BugCase = {
  ...stockOnly,
  expect: 'found',
  condition: 'a stock of 0 pages: the tasks have used up all 32',
  params: { pages: 29 },
};
