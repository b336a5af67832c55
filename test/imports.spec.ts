import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Which packages of this repository each may import. Imports point down only. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  machine: [],
  kernel: ['machine'],
  'machine-sim': ['machine', 'kernel'],
  checker: ['machine', 'kernel'],
  'nats-embedded': [],
  results: [],
  'machine-live': ['machine', 'kernel', 'results'],
  coordinator: ['machine-live', 'nats-embedded', 'results'],
  experiments: ['machine', 'kernel', 'machine-sim', 'machine-live', 'checker', 'coordinator', 'results'],
  cli: ['coordinator', 'experiments', 'results', 'node-service'],
};

/** The same for the programs over them. */
const allowedInServices: Readonly<Record<string, readonly string[]>> = {
  node: ['machine-live', 'coordinator', 'experiments'],
  coordinator: ['machine-live', 'coordinator', 'experiments', 'results', 'node-service'],
};

/** Public faces besides the index: what a CPU's thread loads, which must be little. */
const threadFaces: Readonly<Record<string, string>> = { 'machine-live': 'cpu', experiments: 'cpu-kernel' };

const facesOf = (name: string): string[] => [
  `@kmemlab/${name}`,
  ...(threadFaces[name] === undefined ? [] : [`@kmemlab/${name}/${threadFaces[name]}`]),
];

/** Every folder with sources, and what its files may import. */
const workspaces = [
  ...Object.entries(allowed).map(([name, below]) => ({ folder: `packages/${name}`, below })),
  ...Object.entries(allowedInServices).map(([name, below]) => ({ folder: `services/${name}`, below })),
];

/** Packages that are pure: no I/O, no clock, no randomness of their own. */
const pure = ['machine', 'kernel', 'machine-sim', 'checker'];

function sourcesOf(folder: string): { readonly path: string; readonly text: string }[] {
  const sources = join(root, folder, 'src');
  return readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .map((path) => ({ path: join(folder, 'src', path), text: readFileSync(join(sources, path), 'utf8') }));
}

const importsIn = (text: string): string[] =>
  [...text.matchAll(/from '([^']+)'|import\('([^']+)'\)|^import '([^']+)'/gm)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );

test('every package and every service is listed here', () => {
  expect(readdirSync(join(root, 'packages')).sort()).toEqual(Object.keys(allowed).sort());
  expect(readdirSync(join(root, 'services')).sort()).toEqual(Object.keys(allowedInServices).sort());
});

test.each(workspaces)('$folder imports only packages below it, and only their public face', ({ folder, below }) => {
  const faces = below.flatMap(facesOf);
  for (const { path, text } of sourcesOf(folder)) {
    for (const specifier of importsIn(text).filter((s) => s.startsWith('@kmemlab/'))) {
      expect(faces, `${path} imports ${specifier}`).toContain(specifier);
    }
  }
});

test('the NATS client is imported in one file', () => {
  const importers = workspaces
    .flatMap(({ folder }) => sourcesOf(folder))
    .filter(({ text }) => importsIn(text).includes('nats'))
    .map(({ path }) => path);
  expect(importers).toEqual(['packages/machine-live/src/transport/bus.ts']);
});

describe.each(pure)('%s', (name) => {
  const sources = sourcesOf(`packages/${name}`);

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
