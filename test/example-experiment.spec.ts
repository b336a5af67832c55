import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesInOneMemcg } from '../docs/examples/files-in-one-memcg/index.js';
import { experiments } from '../packages/experiments/src/experiments.js';
import type { Experiment } from '../packages/experiments/src/lab/types.js';
import { run } from './fidelity/run.js';

/** What docs/writing-an-experiment.md has its reader do by hand: a line in the list of experiments. */
const list = experiments as Experiment[];

describe('the experiment of docs/writing-an-experiment.md', () => {
  beforeAll(() => void list.push(filesInOneMemcg));
  afterAll(() => void list.pop());

  const fill = async (kernel: string, memcgs: number, files: number) => {
    const result = await run({
      experiment: 'files-in-one-memcg',
      kernel,
      params: { memcgs: `${memcgs}`, files: `${files}` },
    });
    expect(result).toMatchObject({ outcome: 'ok', verdicts: [] });
    return result;
  };

  it('answers its question: caches are paid for by the memcg, and not in 5.9', async () => {
    const created = async (...args: [string, number, number]) => (await fill(...args)).counters.caches.created;
    const once = await created('v4.10', 5, 1);
    expect(once).toBe(2 * 5);
    expect(await created('v4.10', 5, 20)).toBe(once);
    expect(await created('v4.10', 10, 1)).toBe(2 * once);
    expect(await created('v5.9', 5, 20)).toBe(0);
  });

  it('says what the files keep', async () => {
    const { findings } = await fill('v4.10', 3, 4);
    expect(findings).toContainEqual(expect.objectContaining({ class: 'zombie-memcg', count: 3 }));
    expect((await fill('v5.3', 3, 4)).findings.filter((finding) => finding.class === 'zombie-memcg')).toEqual([]);
  });
});
