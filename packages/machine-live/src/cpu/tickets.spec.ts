import { Context } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import { Tickets } from './tickets.js';

const context = (): Context => new Context('task', 1, 'a');

describe('tickets', () => {
  it('lead back to the context that asked, and to the place of the answer', () => {
    const tickets = new Tickets();
    const [one, two] = [context(), context()];
    const first = tickets.take(one);
    const second = tickets.take(two);
    expect([tickets.contextOf(first), tickets.contextOf(second + 5)]).toEqual([one, two]);
    expect([Tickets.indexOf(first), Tickets.indexOf(second + 5)]).toEqual([0, 5]);
  });

  it('of a request to 64 nodes do not meet those of another', () => {
    const tickets = new Tickets();
    const [one, two] = [context(), context()];
    const first = tickets.take(one);
    tickets.take(two);
    expect(tickets.contextOf(first + 63)).toBe(one);
  });

  it('are used again once their last answer has come, and lead nowhere until then', () => {
    const tickets = new Tickets();
    const first = tickets.take(context());
    tickets.give(first);
    expect(() => tickets.contextOf(first)).toThrow(/nobody made/);
    expect(tickets.take(context())).toBe(first);
  });
});
