import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { RunFailed } from '@kmemlab/results';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fake, FakeInputError, kmemlab, resultOf } from '../fixtures/fake-engine.js';

let root: string;
let out: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'kmemlab-cli-'));
  out = join(root, 'out');
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

describe('runs beside each other', () => {
  /** Most runs at the same time, and what came of it. */
  async function sideBySide(args: readonly string[]) {
    let running = 0;
    let most = 0;
    const run: Fake['run'] = async (scenario) => {
      most = Math.max(most, ++running);
      // The first to begin is the last to end.
      for (let turns = 10 - scenario.seed; turns > 0; turns--) await turnOfEventLoop();
      running--;
      return resultOf(scenario);
    };
    return { ...(await kmemlab(['run', 'a', '--seeds', '4', ...args, '--out', out, '--json'], { run })), most };
  }

  it.each([1, 3])('runs seeds of the deterministic machine side by side: --jobs %i', async (jobs) => {
    const { most, stdout } = await sideBySide(['--jobs', String(jobs)]);
    expect(most).toBe(jobs);
    expect(JSON.parse(stdout).results.map(({ seed }: { seed: number }) => seed)).toEqual([1, 2, 3, 4]);
  });

  it('runs one after the other on the live machine', async () => {
    expect((await sideBySide(['--engine', 'live'])).most).toBe(1);
    const { status, stderr } = await sideBySide(['--engine', 'live', '--jobs', '2']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kmemlab: --jobs: .*leave --jobs out\n$/);
  });

  it('says how a run ended that had no end of its own', async () => {
    const failure = { kind: 'interrupted', detail: 'in the middle of a step' };
    const run: Fake['run'] = async (scenario, { onPartial }) => {
      onPartial?.(resultOf(scenario, { outcome: 'incomplete' }));
      throw new RunFailed(failure);
    };
    const { status } = await kmemlab(['run', 'a', '--out', out], { run });
    expect({ status, ...JSON.parse(fs.readFileSync(join(out, 'result.json'), 'utf8')) }).toMatchObject({
      status: 130,
      outcome: 'incomplete',
      failure,
    });
  });

  it('ends what runs beside an input that proves wrong', async () => {
    let ended = false;
    const run: Fake['run'] = async (scenario, { signal }) => {
      if (scenario.seed === 1) throw new FakeInputError('no');
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      ended = true;
      return resultOf(scenario, { outcome: 'incomplete' });
    };
    const { status } = await kmemlab(['run', 'a', '--seeds', '9', '--jobs', '2', '--out', out], { run });
    expect({ status, ended, left: fs.readdirSync(root) }).toEqual({ status: 2, ended: true, left: [] });
  });
});
