import { turnOfEventLoop } from '../event-loop.js';
import type { Switchboard } from '../memory/switchboard.js';
import type { MemoryAgent } from './memory-agent.js';

/** Messages handled before other input of the process gets its turn. */
const BATCH = 256;
/** Batches, however small, that may follow each other without one: somebody rings during each. */
const MOST_IN_A_ROW = 16;

/**
 * Runs an agent on the main thread of its process: handles what has arrived, lets sockets and timers have their turn, and
 * sleeps on the agent's bell without blocking the thread.
 */
export class AgentLoop {
  private stopped = false;
  private ended: Promise<void> | undefined;

  constructor(
    private readonly agent: MemoryAgent,
    private readonly board: Switchboard,
    private readonly thread: number,
    /** Called after each batch, to publish what it has left for other nodes. */
    private readonly flush: () => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  start(): void {
    this.ended = this.run().catch(this.onError);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.board.ring(this.thread);
    await this.ended;
  }

  private async run(): Promise<void> {
    const { agent, board, thread } = this;
    let inARow = 0;
    while (!this.stopped) {
      const seen = board.rings(thread);
      const handled = agent.drain(BATCH);
      if (handled > 0) this.flush();
      if (handled === BATCH || agent.hasLate || ++inARow === MOST_IN_A_ROW) {
        inARow = 0;
        await turnOfEventLoop();
        continue;
      }
      const ring = board.sleepAsync(thread, seen);
      if (ring === null) continue;
      inARow = 0;
      await ring;
      board.awake(thread);
    }
  }
}
