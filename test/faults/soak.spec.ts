import { expect, test } from 'vitest';
import { plan, soakRun } from './soak-run.mjs';

/** As soak.mjs does it, but few; a run takes about so long, ms. */
const USUAL_MS = 6_000;

test.each([1, 2, 3, 4, 5, 6])('run %i in a row ends with a name for it, and leaves no process', async (seed) => {
  const { problems } = await soakRun(plan(seed, () => USUAL_MS));
  expect(problems).toEqual([]);
});
