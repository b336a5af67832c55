import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isPattern, matches, SubjectIndex } from './subjects.js';

/** The definition, token by token. */
function naive([wanted, ...pattern]: readonly string[], [token, ...subject]: readonly string[]): boolean {
  if (token === '') return false;
  if (wanted === undefined || token === undefined) return wanted === token;
  if (wanted === '>') return !subject.includes('');
  return (wanted === '*' || wanted === token) && naive(pattern, subject);
}

const token = fc.constantFrom('a', 'b', 'ab', '*', '>', '');
const subject = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join('.'));
const pattern = subject.filter(isPattern);

test.each([
  ['a', true],
  ['a.b', true],
  ['*', true],
  ['>', true],
  ['a.*.b', true],
  ['a.>', true],
  ['a*.>b', true],
  ['', false],
  ['.', false],
  ['a.', false],
  ['.a', false],
  ['a..b', false],
  ['>.a', false],
  ['a.>.b', false],
])('%j may be subscribed to: %s', (text, may) => {
  expect(isPattern(text)).toBe(may);
});

describe('matches', () => {
  it.each([
    ['a.b', 'a.b', true],
    ['a.b', 'a.c', false],
    ['a.b', 'a.b.c', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['*.*', 'a.b', true],
    ['a.>', 'a', false],
    ['a.>', 'a.b', true],
    ['a.>', 'a.b.c', true],
    ['>', 'a', true],
    ['>', 'a..b', false],
    ['a.b', 'a.*', false],
    ['a.*', 'a.*', true],
    ['a.b', '>', false],
  ])('%s takes in %s: %s', (wanted, published, yes) => {
    expect(matches(wanted, published)).toBe(yes);
  });

  it('equals the naive matcher', () => {
    fc.assert(
      fc.property(pattern, subject, (wanted, published) => {
        expect(matches(wanted, published)).toBe(naive(wanted.split('.'), published.split('.')));
      }),
      { seed: 1, numRuns: 5_000 },
    );
  });
});

describe('SubjectIndex', () => {
  const entry = fc.record({ subject: pattern, queue: fc.constantFrom(undefined, undefined, 'q', 'r') });
  const step = fc.oneof(
    fc.record({ insert: entry }),
    fc.record({ remove: fc.nat() }),
    fc.record({ match: subject }),
    fc.record({ match: subject }),
  );

  it('finds what a walk over all values finds, in every order of insertions, removals and questions', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        type Entry = { subject: string; queue: string | undefined };
        const index = new SubjectIndex<Entry>();
        const all: Entry[] = [];
        for (const now of steps) {
          if ('insert' in now) {
            all.push(now.insert);
            index.insert(now.insert);
          } else if ('remove' in now && all.length > 0) {
            const [gone] = all.splice(now.remove % all.length, 1);
            if (gone !== undefined) index.remove(gone);
          } else if ('match' in now) {
            const found = index.match(now.match);
            const expected = all.filter((value) => naive(value.subject.split('.'), now.match.split('.')));
            expect(new Set(found.flat())).toEqual(new Set(expected));
            expect(found.flat()).toHaveLength(expected.length);
            for (const group of found) expect(new Set(group.map(({ queue }) => queue)).size).toBe(1);
            const named = found.map((group) => group[0]?.queue).filter((queue) => queue !== undefined);
            expect(new Set(named).size).toBe(named.length);
            for (const group of found) if (group[0]?.queue === undefined) expect(group).toHaveLength(1);
          }
        }
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it('keeps nothing of subjects that nobody wants any more', () => {
    const index = new SubjectIndex<{ subject: string; queue: undefined }>();
    for (let n = 0; n < 5_000; n++) {
      const value = { subject: `reply.${n}`, queue: undefined };
      index.insert(value);
      expect(index.match(value.subject)).toEqual([[value]]);
      index.remove(value);
      expect(index.match(value.subject)).toEqual([]);
    }
    for (let n = 0; n < 5_000; n++) index.match(`cold.${n}`);
    const { literal, wild, known } = index as unknown as Record<string, { size: number }>;
    expect([literal?.size, wild?.size]).toEqual([0, 0]);
    expect(known?.size).toBeLessThanOrEqual(1024);
  });
});
