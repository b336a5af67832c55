import { describe, expect, test } from 'vitest';
import { scenarioOfCase } from '../check/bug-matrix.js';
import { bugClasses } from './classes.js';
import { bugColumns } from './columns.js';

/** Cells of which the source says something, and nothing looks for it. */
const OPEN: readonly string[] = [
  'V2-a in v3.14',
  'V2-b in v3.14',
  'no-barrier-at-teardown in v3.14',
  'V2-a in v3.14+no-destroy-on-last-page',
  'V2-a in v3.14+pin-until-release',
  'V2-a in v3.14+reparent-2014',
  'V2-b in v3.14+reparent-2014',
  'sysfs-clash in v3.14+reparent-2014',
  'no-barrier-at-teardown in v3.14+reparent-2014',
  'V2-a in v5.9',
  'V2-b in v5.9',
  'V6-a in v5.9',
  'V6-b in v5.9',
  'V6-c in v5.9',
  'V6-d in v5.9',
  'V6-e in v5.9',
  'V6-f in v5.9',
  'V6-g in v5.9',
];

test('the rows say something of each column', () => {
  for (const { id, expected } of bugClasses) expect(expected.length, id).toBe(bugColumns.length);
  expect(new Set(bugClasses.map(({ id }) => id)).size).toBe(bugClasses.length);
});

describe.each(bugColumns.map((column, at) => ({ ...column, at })))('$variant ($kernel)', (column) => {
  const { kernel, variant, cases, at } = column;

  test('its cases expect what its source says', () => {
    const wrong = bugClasses.flatMap(({ id, expected }) => {
      const own = cases[id] ?? [];
      const found = own.some(({ expect: answer }) => answer === 'found');
      const clean = own.some(({ expect: answer }) => answer === 'clean');
      const agrees = { found, conditional: found && clean, clean: clean && !found }[expected[at] ?? 'found'];
      return expected[at] === null || agrees ? [] : [`${id} in ${kernel}`];
    });
    expect(wrong.filter((cell) => !OPEN.includes(cell))).toEqual([]);
  });

  test('its cases name scenarios that exist', async () => {
    for (const own of Object.values(cases)) {
      for (const one of own) expect((await scenarioOfCase(column, one, 1)).experiment).toBe(one.experiment);
    }
  });

  test('is named', () => {
    expect(variant).toMatch(/^V\d/);
  });
});
