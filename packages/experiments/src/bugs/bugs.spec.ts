import { verdictIds } from '@kmemlab/checker';
import { pointLabels } from '@kmemlab/kernel';
import { describe, expect, test } from 'vitest';
import { scenarioOfCase } from '../check/bug-matrix.js';
import { bugClasses } from './classes.js';
import { bugColumns } from './columns.js';
import { wantedVerdict } from './verdicts.js';

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
    expect(wrong).toEqual([]);
  });

  test('its cases name scenarios that exist', async () => {
    for (const own of Object.values(cases)) {
      for (const one of own) expect((await scenarioOfCase(column, one, 1)).experiment).toBe(one.experiment);
    }
  });

  test('its searches are for verdicts and windows that there are', () => {
    const searches = bugClasses.flatMap((bug) =>
      (cases[bug.id] ?? []).filter(({ finding }) => finding === undefined).map((one) => ({ bug, one })),
    );
    const verdicts = searches.map(({ bug, one }) => wantedVerdict(bug, one));
    expect(verdicts.filter((verdict) => !verdictIds.has(verdict))).toEqual([]);
    const windows = searches.flatMap(({ one }) => one.windows ?? []);
    expect(windows.filter((label) => !pointLabels().includes(label))).toEqual([]);
  });

  test('is named', () => {
    expect(variant).toMatch(/^V\d/);
  });
});
