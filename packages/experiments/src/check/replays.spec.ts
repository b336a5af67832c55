import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { playReplay } from './check.js';
import { casesByReplay, tryCure } from './cure.js';
import { parseReplayFile } from './replay-file.js';

/* Made again by: npx kmemlab matrix --found --schedules 20000 --out packages/experiments/replays */

const directory = fileURLToPath(new URL('../../replays/', import.meta.url));
const files = readdirSync(directory).filter((name) => name.endsWith('.replay.json'));
const cases = casesByReplay();
/** In the kernel that cures it. */
const SCHEDULES = 10;

test('every file is of a case, and every case has its file', () => {
  expect(files.toSorted()).toEqual([...cases.keys()].toSorted());
});

describe.each(files)('%s', (name) => {
  const text = readFileSync(`${directory}${name}`, 'utf8');

  test('ends with the same verdict', async () => {
    const { verdict, file } = await playReplay(name, text, []);
    expect({ class: verdict?.class, id: verdict?.id }).toEqual({ class: file.verdict.class, id: file.verdict.id });
    for (const { stack = [] } of verdict?.steps ?? []) expect(stack).not.toContain('');
  });

  const cured = cases.get(name);
  test.skipIf(cured?.cure === undefined)(`does not in ${cured?.cure}`, async () => {
    if (cured === undefined) throw new Error('no case');
    expect(await tryCure(parseReplayFile(name, text), cured, SCHEDULES)).toBeUndefined();
  });
});
