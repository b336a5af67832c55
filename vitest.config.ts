import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (folder: string) => fileURLToPath(new URL(`./${folder}/src/index.ts`, import.meta.url));
const packages = [
  'machine',
  'kernel',
  'machine-sim',
  'machine-live',
  'checker',
  'nats-embedded',
  'results',
  'coordinator',
  'experiments',
];

const unitSpecs = ['packages/*/src/**/*.spec.ts', 'services/*/src/**/*.spec.ts'];
const processSpecs = [
  '{packages/coordinator,packages/nats-embedded,packages/machine-live,services/*}/src/**/*.spec.ts',
  'test/e2e/{command,host,progress}.spec.ts',
];

const project = (name: string, maxWorkers: number, include: string[], exclude: string[] = []) =>
  ({
    extends: true,
    test: {
      name,
      include,
      exclude: ['**/node_modules/**', ...exclude],
      maxWorkers,
      sequence: { groupOrder: name === 'sim' ? 0 : 1 },
      testTimeout: 120_000,
      hookTimeout: 120_000,
    },
  }) as const;

export default defineConfig({
  resolve: {
    alias: {
      ...Object.fromEntries(packages.map((name) => [`@kmemlab/${name}`, source(`packages/${name}`)])),
      '@kmemlab/node-service': source('services/node'),
    },
  },
  test: {
    reporters: ['default', './test/plain-summary.ts'],
    projects: [
      // What runs in one thread, on all cores.
      project(
        'sim',
        availableParallelism(),
        [...unitSpecs, 'test/*.spec.ts', 'test/{fidelity,e2e,deploy}/**/*.spec.ts'],
        processSpecs,
      ),
      // What starts processes and threads of its own, and waits for them within deadlines: one after the other.
      project('live', 1, [...processSpecs, 'test/{live,faults,hosts,browser,bench}/**/*.spec.ts']),
    ],
  },
});
