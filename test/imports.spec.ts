import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages', import.meta.url));

/** Which packages of this repository each may import. Imports point down only. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  machine: [],
  kernel: ['machine'],
  'machine-sim': ['machine', 'kernel'],
  checker: ['machine', 'kernel'],
  'nats-embedded': [],
  results: [],
  'machine-live': ['machine', 'kernel', 'results'],
  coordinator: ['machine', 'machine-live', 'nats-embedded', 'results'],
  experiments: ['machine', 'kernel', 'machine-sim', 'machine-live', 'checker', 'coordinator', 'results'],
  cli: ['coordinator', 'experiments', 'results', 'node-service'],
};

/** Packages that are pure: no I/O, no clock, no randomness of their own. */
const pure = ['machine', 'kernel', 'machine-sim', 'checker'];

function sourcesOf(name: string): { readonly path: string; readonly text: string }[] {
  const root = join(packages, name, 'src');
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

const importsIn = (text: string): string[] =>
  [...text.matchAll(/from '([^']+)'|import\('([^']+)'\)|^import '([^']+)'/gm)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );

test('every package is listed here', () => {
  expect(readdirSync(packages).sort()).toEqual(Object.keys(allowed).sort());
});

test.each(Object.keys(allowed))('%s imports only packages below it, and only their public face', (name) => {
  for (const { path, text } of sourcesOf(name)) {
    for (const specifier of importsIn(text).filter((s) => s.startsWith('@kmemlab/'))) {
      expect(
        allowed[name]?.map((below) => `@kmemlab/${below}`),
        `${path} imports ${specifier}`,
      ).toContain(specifier);
    }
  }
});

describe.each(pure)('%s', (name) => {
  const sources = sourcesOf(name);

  test('touches no Node module, clock or random source of its own', () => {
    for (const { path, text } of sources) {
      expect(
        importsIn(text).filter((specifier) => specifier.startsWith('node:')),
        path,
      ).toEqual([]);
      expect(text, path).not.toMatch(
        /\bMath\.random\b|\bnew Date\b|\bDate\.now|\bperformance\.now|\bprocess\.[a-z]|\bset(Timeout|Immediate)\(/,
      );
    }
  });

  test('uses no function whose result may differ between computers', () => {
    for (const { path, text } of sources) {
      expect(text, path).not.toMatch(/\bMath\.(pow|log\w*|exp\w*|sin|cos|tan)\b|localeCompare|toLocale/);
    }
  });
});
