import { Context, type Coroutine } from '@kmemlab/machine';
import { beforeEach, describe, expect, it } from 'vitest';
import { Places, parsePlace } from './places.js';

function* outer(): Coroutine<void> {}
function* inner(): Coroutine<void> {}

const taskIn = (task: string, ...functions: (typeof outer)[]): Context => {
  const context = new Context('task', 1, task);
  for (const fn of functions) context.push(fn, []);
  return context;
};

describe('places', () => {
  let announced: [number, string][];
  let places: Places;
  beforeEach(() => {
    announced = [];
    places = new Places((place, name) => announced.push([place, name]));
  });

  it('have a number each, told once and before its first use', () => {
    const first = places.of(taskIn('a', outer, inner));
    expect(announced).toEqual([[first, 'a\tinner\touter']]);
    expect(places.of(taskIn('a', outer, inner))).toBe(first);
    expect(announced).toHaveLength(1);
  });

  it('differ by task, by function and by caller', () => {
    const contexts = [
      taskIn('a', outer),
      taskIn('b', outer),
      taskIn('a', inner),
      taskIn('a', outer, inner),
      taskIn('a', inner, inner),
      taskIn('a'),
    ];
    const numbers = contexts.map((context) => places.of(context));
    expect(new Set(numbers).size).toBe(contexts.length);
    expect(numbers).not.toContain(0);
  });

  it('are told by a name that gives the task and the stack back, innermost function first', () => {
    places.of(taskIn('files/1 (softirq)', outer, inner));
    expect(parsePlace(announced[0]?.[1] ?? '')).toEqual({ task: 'files/1 (softirq)', stack: ['inner', 'outer'] });
    expect(parsePlace('idle')).toEqual({ task: 'idle', stack: [] });
  });
});
