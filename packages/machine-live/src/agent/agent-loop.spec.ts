import { afterEach, describe, expect, it } from 'vitest';
import { Switchboard } from '../memory/switchboard.js';
import { AgentLoop } from './agent-loop.js';
import type { MemoryAgent } from './memory-agent.js';

/** An agent with so many messages to handle; what it does is in `log`. */
class Work {
  readonly log: string[] = [];
  left = 0;
  error: Error | undefined;
  hasLate = false;
  /** Called when there is nothing left. */
  onEmpty: () => void = () => {};

  drain(most: number): number {
    if (this.error !== undefined) throw this.error;
    const handled = Math.min(most, this.left);
    this.left -= handled;
    if (handled > 0) this.log.push(`${handled}`);
    if (this.left === 0) this.onEmpty();
    return handled;
  }
}

const errors: unknown[] = [];
let loop: AgentLoop;

function start(work: Work, board = Switchboard.create(1)): Switchboard {
  const flush = (): void => void work.log.push('flush');
  loop = new AgentLoop(work as unknown as MemoryAgent, board, 0, flush, (error) => errors.push(error));
  loop.start();
  return board;
}

const emptied = (work: Work): Promise<void> => new Promise((resolve) => (work.onEmpty = resolve));

afterEach(async () => {
  await loop.stop();
  errors.length = 0;
});

describe('the loop of an agent', () => {
  it('handles batches, flushes after each, and lets other input of the process have its turn between them', async () => {
    const work = new Work();
    work.left = 600;
    setImmediate(() => work.log.push('other'));
    const empty = emptied(work);
    start(work);
    await empty;
    await loop.stop();
    expect(work.log).toEqual(['256', 'flush', 'other', '256', 'flush', '88', 'flush']);
  });

  it('sleeps until its bell rings', async () => {
    const work = new Work();
    const board = start(work);
    const empty = emptied(work);
    work.left = 1;
    board.ring(0);
    await empty;
    await loop.stop();
    expect(work.log).toEqual(['1', 'flush']);
  });

  it('lets other input have its turn though somebody rings again and again', async () => {
    const work = new Work();
    const board = Switchboard.create(1);
    const other = new Promise<void>((resolve) => setImmediate(resolve));
    let rings = 0;
    work.onEmpty = () => {
      if (rings < 1000) {
        rings++;
        board.ring(0);
      }
    };
    start(work, board);
    await other;
    expect(rings).toBeLessThan(1000);
  });

  it('reports what the agent throws, and ends', async () => {
    const work = new Work();
    work.error = new Error('broken');
    start(work);
    await loop.stop();
    expect(errors).toEqual([work.error]);
  });
});
