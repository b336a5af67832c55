import { expect, test } from 'vitest';
import { bugMatrix } from './bug-matrix.js';

const request = { schedules: 12, variants: ['V6'] } as const;

const searchesOf = async (bugs: readonly string[]) => {
  const { cells } = await bugMatrix({ ...request, bugs }, { jobs: 1 });
  return cells.flatMap(({ bug, cases }) => cases.map(({ hostNs: _, ...one }) => ({ bug, ...one })));
};

test('cases that look for different verdicts in the same schedules are searched once, with the same answers', async () => {
  const bugs = ['V2-a', 'V2-b'];
  const together = await searchesOf(bugs);
  expect(together).toEqual([...(await searchesOf(['V2-a'])), ...(await searchesOf(['V2-b']))]);
  const [a, b] = together;
  expect(a).toMatchObject({ schedules: 12, found: false, wanted: 'stall' });
  expect(b).toMatchObject({ steps: a?.steps, digest: a?.digest, wanted: 'use-after-free' });
});

test('cases of a cell that are not asked for stay as an earlier run left them', async () => {
  const both = { schedules: 12, variants: ['V1'], bugs: ['V0-d'] };
  const previous = await bugMatrix(both, { jobs: 1 });
  const again = await bugMatrix({ ...both, expect: 'found' }, { jobs: 1, previous });
  expect(previous.cells.map(({ mark, cases }) => [mark, cases.length])).toEqual([['conditional', 2]]);
  const [, clean] = previous.cells[0]?.cases ?? [];
  expect(again.cells).toMatchObject([{ mark: 'conditional', cases: [{ found: true }, clean] }]);
});
