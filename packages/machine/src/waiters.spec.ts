import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from './context.js';
import { cpuOfWaiter, Waiters } from './waiters.js';

const CPU = 7;

interface Model {
  completed: boolean;
  value: number;
  context: Context | null;
}

describe('Waiters', () => {
  it('agree with a map of all waiters, whichever is completed, waited for or dropped', () => {
    const step = fc.record({
      what: fc.constantFrom('make', 'make', 'complete', 'take', 'drop'),
      which: fc.nat(),
      value: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const waiters = new Waiters(CPU);
        const model = new Map<number, Model>();
        const made: number[] = [];
        for (const { what, which, value } of steps) {
          const waiter = made[which % Math.max(1, made.length)] ?? 0;
          const state = model.get(waiter);
          if (what === 'make') {
            const next = waiters.make();
            expect(cpuOfWaiter(next)).toBe(CPU);
            expect(model.has(next)).toBe(false);
            made.push(next);
            model.set(next, { completed: false, value: 0, context: null });
          } else if (what === 'drop') {
            waiters.drop(waiter);
            model.delete(waiter);
          } else if (what === 'complete') {
            const context = state === undefined || state.completed ? null : state.context;
            expect(waiters.complete(waiter, value)).toBe(context);
            if (context !== null) model.delete(waiter);
            else if (state !== undefined && !state.completed) Object.assign(state, { completed: true, value });
          } else {
            const context = new Context('task', 1, 'spec');
            if (state === undefined) expect(() => waiters.take(waiter, context)).toThrow('does not exist');
            else if (state.completed) {
              expect(waiters.take(waiter, context)).toBe(true);
              expect(context.resume).toBe(state.value);
              model.delete(waiter);
            } else {
              expect(waiters.take(waiter, context)).toBe(false);
              state.context = context;
            }
          }
          for (const one of [0, ...made]) expect(waiters.isCompleted(one)).toBe(model.get(one)?.completed ?? true);
          const waited = [...model].flatMap(([one, { completed, context }]) =>
            completed || context === null ? [] : [[one, context]],
          );
          expect([...waiters.waiting()]).toEqual(waited);
        }
      }),
      { seed: 31 },
    );
  });
});
