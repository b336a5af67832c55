import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { emptyDirectory, filesIn, kmemlab } from './command.js';

const exampleFile = (name: string): string =>
  fileURLToPath(new URL(`../../docs/examples/${name}.mjs`, import.meta.url));
const example = exampleFile('kick-one-by-one');
const REPLAY = 'tune-slabinfo-v4.10+never-kick-SLAB-4.replay.json';

describe('check', () => {
  test('the patch of the tutorial looks safe on one node, and is not on two', async () => {
    const search = ['check', 'tune-slabinfo', '--patch', exampleFile('kick-my-node'), '--schedules', '200', '--json'];
    const [one, two] = await Promise.all([
      kmemlab([...search, '--nodes', '1'], emptyDirectory()),
      kmemlab([...search, '--nodes', '2'], emptyDirectory()),
    ]);
    expect(one.status).toBe(0);
    expect(JSON.parse(two.stdout)).toMatchObject({
      outcome: 'violation',
      verdict: { class: 'use-after-free', id: 'SLAB-4' },
    });
  });

  test('finds the race that the kick prevents, makes it small, and saves what replay shows again', async () => {
    const cwd = emptyDirectory();
    const { status, stdout } = await kmemlab(['check', 'tune-slabinfo', '--kernel', 'v4.10+never-kick'], cwd);
    expect(status).toBe(1);
    expect(stdout).toContain('use-after-free (SLAB-4)');
    expect(filesIn(cwd)).toEqual([REPLAY]);
    const { scenario, stalls } = JSON.parse(readFileSync(join(cwd, REPLAY), 'utf8'));
    expect(scenario.nodes * scenario.cpusPerNode).toBeLessThanOrEqual(3);
    expect(stalls.length).toBeLessThanOrEqual(2);
    const replayed = await kmemlab(['replay', REPLAY], cwd);
    expect(replayed.status).toBe(1);
    expect(replayed.stdout).toMatch(/CPU0 +CPU1/);
    expect(replayed.stdout).toContain('~ late by');
    expect(replayed.stdout).toContain(`the same verdict as in ${REPLAY}`);
  });

  test('survives where the kernel kicks, and where there is nothing to wait for', async () => {
    for (const kernel of ['v4.10', 'v4.10+avoid-kick-on-create']) {
      const cwd = emptyDirectory();
      const args = ['check', 'tune-slabinfo', '--kernel', kernel, '--schedules', '300', '--json'];
      const { status, stdout } = await kmemlab(args, cwd);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ schema: 'kmemlab.check/1', kernel, schedules: 300, outcome: 'ok' });
      expect(filesIn(cwd)).toEqual([]);
    }
  });

  test('takes a patch of the user, and replay asks for it again', async () => {
    const cwd = emptyDirectory();
    const patch = join(cwd, 'mine.mjs');
    writeFileSync(
      patch,
      `export default { name: 'mine', summary: 'no kick', apply({ policies }) { policies.slab.afterPublish = function* () {}; } };`,
    );
    const found = await kmemlab(['check', 'tune-slabinfo', '--patch', patch, '--save', 'mine.json'], cwd);
    expect(found.status).toBe(1);
    const without = await kmemlab(['replay', 'mine.json'], cwd);
    expect(without.status).toBe(2);
    expect(without.stderr).toMatch(/^kmemlab: mine\.json: it needs a patch of yours; add --patch .*mine\.mjs\n$/);
    expect((await kmemlab(['replay', 'mine.json', '--patch', patch], cwd)).status).toBe(1);
    const safe = await kmemlab(['check', 'tune-slabinfo', '--patch', example, '--schedules', '100'], cwd);
    expect(safe.status).toBe(0);
  });

  test.each([
    [['check', 'tune-slabinfo', '--strategy', 'pctt'], /did you mean pct\?/],
    [['check', 'tune-slabinfo', '--schedules', '0'], /out of range/],
    [['check', 'no-such'], /unknown experiment/],
    [['check', 'tune-slabinfo', '--only', 'use-after-fre'], /--only "use-after-fre": .* did you mean use-after-free\?/],
    [
      ['check', 'tune-slabinfo', '--window', 'kmem_cache_free:loaded'],
      /did you mean kmem_cache_free:loaded-cpu_cache\?/,
    ],
    [
      ['check', 'tune-slabinfo', '--from', 'wirtes'],
      /--from "wirtes": tune-slabinfo has no such phase; did you mean writes\?/,
    ],
    [['replay', 'nowhere.json'], /replay file nowhere\.json: no such file/],
    [['matrix', '--bug', 'V0-x'], /did you mean V0-b\?/],
    [['matrix', '--patch', 'x.mjs'], /--patch: for --mutations only/],
  ])('%j is one line of complaint and status 2', async (args, message) => {
    const { status, stdout, stderr } = await kmemlab(args, emptyDirectory());
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a place where no replay file can be made is named before the search', async () => {
    const args = ['check', 'tune-slabinfo', '--kernel', 'v4.10+never-kick', '--schedules', '1000000'];
    const { status, stdout, stderr } = await kmemlab([...args, '--save', '/proc/x'], emptyDirectory());
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^kmemlab: \/proc\/x: .*; choose another --save\n$/);
  });

  test('a directory where the replay file should be is named', async () => {
    const cwd = emptyDirectory();
    const args = ['check', 'tune-slabinfo', '--kernel', 'v4.10+never-kick', '--schedules', '3', '--save', '.'];
    const { status, stderr } = await kmemlab(args, cwd);
    expect(status).toBe(2);
    expect(stderr).toMatch(/choose another --save/);
    expect(existsSync(join(cwd, REPLAY))).toBe(false);
  });
});
