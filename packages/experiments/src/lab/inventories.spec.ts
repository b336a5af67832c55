import type { NodeInventory } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { countDeadCaches, findingsOf, memoryOf } from './findings.js';

const NONE = 0;
const ONLINE = 1;
const OFFLINE = 2;

const inventory = (more: Partial<NodeInventory>): NodeInventory => ({
  node: 0,
  users: [],
  kmallocs: [],
  slabs: [],
  csses: [],
  caches: [],
  retained: [],
  pagesInUse: 0,
  memcgPages: 0,
  stocks: [],
  listed: [],
  chargedPages: [],
  deadStocks: 0,
  heldVectors: 0,
  outOfSlot: [],
  slabStatistics: [],
  heldBack: [],
  slabPages: [],
  ...more,
});

/** memcgs 10 (online), 20 and 30 (offline) with caches 100, 200 to 202, 300, of which 201 is off the list already. */
const nodes = [
  inventory({
    csses: [1, 0, 0, NONE, 0, 10, 1, 1, ONLINE, 0, 20, 1, 1, OFFLINE, 1],
    caches: [100, 10, 120, 60, 8, 200, 20, 120, 60, 8],
    listed: [100, 200, 202, 300],
    users: [100, 0, 5, 5],
    pagesInUse: 7,
    memcgPages: 3,
  }),
  inventory({
    node: 1,
    csses: [30, 1, 1, OFFLINE, 1],
    caches: [201, 20, 0, 0, 0, 202, 20, 0, 0, 0, 300, 30, 0, 0, 0, 400, 0, 0, 0, 0],
    users: [200, 3, 0, 0, 400, 9, 9, 9],
    stocks: [30, 31],
  }),
];

describe('inventories of several nodes', () => {
  it('count caches of offline memcgs that are still on the list', () => expect(countDeadCaches(nodes)).toBe(3));

  it('tell what pins a memcg wherever its holder is homed', () => {
    expect(findingsOf(nodes, 0)).toEqual([
      { class: 'zombie-memcg', count: 2, pinnedBy: { negativeDentry: 1, stock: 1 } },
      { class: 'dead-cache', count: 3, pinnedBy: { negativeDentry: 2, stock: 1 } },
    ]);
  });

  it('tell of removed memcgs that are not offline yet, whose caches are not dead', () => {
    const pending = inventory({
      csses: [40, 1, 1, ONLINE, 1],
      caches: [400, 40, 0, 0, 0],
      listed: [400],
      stocks: [40, 2],
    });
    expect(findingsOf([pending], 0)).toEqual([{ class: 'zombie-memcg', count: 1, pinnedBy: { offlinePending: 1 } }]);
    expect(countDeadCaches([pending])).toBe(0);
  });

  it('are the same after a message', () => expect(findingsOf(structuredClone(nodes), 2)).toEqual(findingsOf(nodes, 2)));

  it('tell the memory of slabs, arrays and node structures', () => {
    const { modelledBytes, perMemcgBytes } = memoryOf(nodes, 4);
    expect(modelledBytes).toBeGreaterThan(7 * 4096);
    expect(perMemcgBytes).toBeGreaterThan((3 * 4096) / 2);
  });
});
