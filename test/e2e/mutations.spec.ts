import { invariants } from '@kmemlab/checker';
import { mutationMatrix } from '@kmemlab/experiments';
import { patches } from '@kmemlab/kernel';
import { verdictClasses } from '@kmemlab/machine';
import type { MatrixRow } from '@kmemlab/results';
import { beforeAll, describe, expect, test } from 'vitest';

const mutations = patches.filter(({ mutation, silent }) => mutation && !silent);
/** Those that take away what is not needed. */
const silent = patches.filter((patch) => patch.silent);

describe('every invariant', () => {
  test.each(invariants)('$id is broken by some mutation', ({ id }) => {
    expect(mutations.some(({ breaks }) => breaks === id)).toBe(true);
  });

  test('or a class of verdicts is what each mutation names', () => {
    const ids: string[] = [...invariants.map(({ id }) => id), ...verdictClasses];
    for (const { breaks } of mutations) expect(ids).toContain(breaks);
  });
});

/** Where the verdict is of a class that says more than that a rule is broken. */
const classes: Readonly<Record<string, string>> = {
  'withhold-quiescent-state': 'stall',
  'lose-drained-object': 'lost-object',
  'leak-css-reference': 'leak',
  'requeue-for-ever': 'livelock',
};

/** Those that the matrix of a version has a row for; the others are of one version, whose own specs show that they are found. */
const applyingTo = (version: string) => mutations.filter(({ appliesTo }) => appliesTo?.includes(version) ?? true);

describe('the matrix of mutations', () => {
  let rows: readonly MatrixRow[];
  beforeAll(async () => {
    ({ rows } = await mutationMatrix({ version: 'v4.10', schedules: 60 }));
  }, 600_000);

  const rowOf = (name: string | undefined): MatrixRow | undefined => rows.find(({ patch }) => patch === name);

  test.each(applyingTo('v4.10'))('finds that $name breaks $breaks', ({ name, breaks }) => {
    expect(rowOf(name)).toMatchObject({
      asExpected: true,
      breaks,
      verdict: { ...(classes[name] && { class: classes[name] }) },
    });
  });

  test.each(silent)('finds nothing under $name', ({ name }) => {
    expect(rowOf(name)).toMatchObject({ asExpected: true, schedules: 5 * 60 });
  });

  test('finds nothing in the unbroken kernel under the same schedules', () => {
    expect(rowOf(undefined)).toMatchObject({ asExpected: true, schedules: 5 * 60 });
  });
});
