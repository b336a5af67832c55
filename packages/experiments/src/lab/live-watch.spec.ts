import type { Verdict } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import type { LiveNodes } from './live-nodes.js';
import { LiveWatch } from './live-watch.js';
import type { NodeReports } from './node-reports.js';
import { RunSignal } from './run-signal.js';

const SECOND = 1000;

/** A watch on a machine of one node that reports as often as it is ticked, until it is mute. Times in host ms. */
class Watched {
  readonly found: string[] = [];
  host = 0;
  mute = false;
  /** Called while somebody waits for the nodes' answer. */
  onAsked: () => void = () => {};
  private readonly reports = {
    now: 0,
    calls: 1,
    work: { done: 1, drained: 0 },
    workRuns: {},
    gracePeriods: [] as { begun: number; ended: number }[],
  };
  private readonly watch: LiveWatch;

  constructor() {
    const nodes = {
      waits: async () => {
        this.onAsked();
        return { cpus: [], nodes: [] };
      },
    };
    this.watch = new LiveWatch({
      timeScale: 1,
      nodes: nodes as unknown as LiveNodes,
      reports: this.reports as unknown as NodeReports,
      signal: new RunSignal(),
      nodeCount: 1,
      judge: ({ id }: Verdict) => void this.found.push(id),
      stalled: async (detail) => void this.found.push(detail),
      hostNow: () => this.host,
    });
    this.watch.reset();
  }

  /** A grace period begins that does not end. */
  beginGracePeriod(): void {
    this.reports.gracePeriods = [{ begun: 1, ended: 0 }];
  }

  async pass(ms: number, every = SECOND / 4): Promise<void> {
    for (let passed = 0; passed < ms; passed += every) {
      this.host += every;
      if (!this.mute) {
        this.reports.now = this.host * 1e6;
        this.watch.reported();
      }
      this.watch.tick(true);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  }
}

describe('the watch on a live machine', () => {
  it.each([false, true])('finds a stall after 21 s without progress; no node reports any more: %s', async (mute) => {
    const watched = new Watched();
    await watched.pass(2 * SECOND);
    watched.mute = mute;
    await watched.pass(18 * SECOND);
    expect(watched.found).toEqual([]);
    await watched.pass(4 * SECOND);
    expect(watched.found[0]).toContain('for 21 s of machine time');
  });

  it('does not count the time in which this process was stopped, whenever that was', async () => {
    const watched = new Watched();
    watched.beginGracePeriod();
    await watched.pass(12 * SECOND);
    await watched.pass(24 * SECOND, 24 * SECOND);
    await watched.pass(18 * SECOND);
    expect(watched.found).toEqual([]);
    let asked = 0;
    watched.onAsked = () => {
      if (++asked === 1) watched.host += 24 * SECOND;
    };
    await watched.pass(18 * SECOND);
    expect([asked > 0, watched.found]).toEqual([true, []]);
    await watched.pass(6 * SECOND);
    expect(watched.found).toHaveLength(1);
  });
});
