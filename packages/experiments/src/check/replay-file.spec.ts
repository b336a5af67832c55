import { beforeAll, describe, expect, it } from 'vitest';
import { check, playReplay, resolveCheck } from './check.js';
import type { ReplayFile } from './replay-file.js';

const text = `export default { name: 'mine', summary: 's', apply({ policies }) {
  policies.slab.afterPublish = function* () {};
} };`;
const patch = { path: 'mine.js', text };

describe('a replay file', () => {
  let file: ReplayFile;

  beforeAll(async () => {
    const run = { experiment: 'tune-slabinfo', kernel: 'v4.10', patchFiles: [patch] };
    const { replay } = await check(await resolveCheck({ run, schedules: 200 }));
    if (replay === undefined) throw new Error('nothing found');
    file = replay;
  });

  const play = (changes: object, patches = [patch]) =>
    playReplay('r.json', JSON.stringify({ ...file, ...changes }), patches);

  it('shows the same verdict with everybody’s steps', async () => {
    const { verdict, interleaving } = await play({});
    expect(verdict).toMatchObject({ class: 'use-after-free', id: 'SLAB-4' });
    const kinds = interleaving.rows.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'conflict')).toHaveLength(2);
    expect(kinds.filter((kind) => kind === 'stall')).toHaveLength(file.stalls.length);
    const conflicts = interleaving.rows.filter(({ kind }) => kind === 'conflict');
    expect(conflicts[0]?.cpu).not.toBe(conflicts[1]?.cpu);
  });

  it.each([
    ['another format', { schema: 'kmemlab.replay/7' }, /format kmemlab\.replay\/7, this version reads/],
    ['another kernel model', { boot: '0000' }, /another version of the kernel model \(boot 0000, here/],
    ['another digest', { digest: '0000' }, /another version of the kernel model, or edited: it plays differently here/],
    ['fewer stalls', { stalls: [] }, /or edited: it plays differently here/],
    ['a field too many', { extra: 1 }, /extra/],
    ['a stall that is none', { stalls: [{ step: -1, ns: 5 }] }, /stalls\.0\.step/],
  ])('of %s is refused in one line', async (_what, changes, message) => {
    await expect(play(changes)).rejects.toThrow(message);
  });

  it('asks for the patches with which it was made', async () => {
    await expect(play({}, [])).rejects.toThrow(/needs a patch of yours; add --patch mine\.js/);
    await expect(play({}, [{ path: 'mine.js', text: `${text}\n` }])).rejects.toThrow(/not the text with which/);
    await expect(play({}, [patch, patch])).rejects.toThrow(/has no such patch; leave it out/);
  });

  it('is refused if it is no JSON', async () => {
    await expect(playReplay('r.json', '{', [])).rejects.toThrow(/^r\.json: not JSON/);
  });
});

describe('a request for a check', () => {
  const run = { experiment: 'tune-slabinfo' };

  it('is small unless more is asked for', async () => {
    const { scenario, schedules, strategy, depth } = await resolveCheck({ run });
    expect(scenario).toMatchObject({ engine: 'sim', nodes: 2, cpusPerNode: 2, params: { writes: 1 } });
    expect({ schedules, strategy, depth }).toEqual({ schedules: 10_000, strategy: 'pct', depth: 3 });
    const more = await resolveCheck({ run: { ...run, nodes: 1, cpusPerNode: 3, params: { writes: '5' } } });
    expect(more.scenario).toMatchObject({ nodes: 1, cpusPerNode: 3, params: { writes: 5 } });
  });

  it.each([
    [{ schedules: 0 }, /--schedules 0/],
    [{ depth: 0.5 }, /--depth 0\.5/],
    [{ strategy: 'random' as const, depth: 2 }, /random schedules have no depth/],
  ])('that cannot be is refused: %o', async (more, message) => {
    await expect(resolveCheck({ run, ...more })).rejects.toThrow(message);
  });
});
