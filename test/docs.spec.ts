import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invariants } from '@kmemlab/checker';
import { patches, versions } from '@kmemlab/kernel';
import { expect, test } from 'vitest';
import { experiments } from '../packages/experiments/src/experiments.js';

const root = fileURLToPath(new URL('..', import.meta.url));

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((path) => join('docs', path)),
].filter((path) => path.endsWith('.md'));

/** The versions that a mutation applies to, which are consecutive, as the page says them. */
function spanOf(appliesTo: readonly string[]): string {
  const names = versions.map(({ name }) => name);
  const [first, last] = [names.indexOf(appliesTo[0] ?? ''), names.indexOf(appliesTo.at(-1) ?? '')];
  expect(appliesTo).toEqual(names.slice(first, last + 1));
  const [from, to] = [names[first]?.slice(1), names[last]?.slice(1)];
  if (first === last) return ` (${from})`;
  if (first === 0) return ` (to ${to})`;
  return last === names.length - 1 ? ` (from ${from})` : ` (${from} to ${to})`;
}

test('docs/invariants.md states every rule with the mutations that break it, and the versions that they apply to', () => {
  const text = readFileSync(join(root, 'docs/invariants.md'), 'utf8');
  for (const { id, rule } of invariants) {
    const names = patches
      .filter((patch) => patch.breaks === id)
      .map(({ name, appliesTo }) => `\`${name}\`${appliesTo === undefined ? '' : spanOf(appliesTo)}`);
    expect(names.length, id).toBeGreaterThan(0);
    expect(text).toContain(`| ${id} | ${rule} | ${names.join(', ')} |`);
  }
});

test.each(pages)('%s links only to what exists', (page) => {
  const text = readFileSync(join(root, page), 'utf8');
  for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
    if (/^https?:/.test(target)) continue;
    expect(existsSync(join(root, dirname(page), target)), `${page}: ${target}`).toBe(true);
  }
});

test.each(pages)('%s names only files of the repository that exist', (page) => {
  const text = readFileSync(join(root, page), 'utf8');
  for (const [, path = ''] of text.matchAll(/`((?:packages|test|docs)\/[\w./-]+)`/g)) {
    expect(existsSync(join(root, path)), `${page}: ${path}`).toBe(true);
  }
});

test.each(experiments.map(({ name }) => name))('%s has a page: question, command, what it does, report', (name) => {
  const text = readFileSync(join(root, 'docs/experiments', `${name}.md`), 'utf8');
  for (const part of ['The question.', 'The command', 'What it does.', 'The report.']) {
    expect(text, part).toContain(`\n**${part}`);
  }
  expect(text).toMatch(
    new RegExp(
      `npx kmemlab (run|compare) ${name} .*--out mine; npx kmemlab report mine|npx kmemlab run ${name} --out mine`,
    ),
  );
});
