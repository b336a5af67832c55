import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (name: string) => fileURLToPath(new URL(`./packages/${name}/src/index.ts`, import.meta.url));
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

export default defineConfig({
  resolve: { alias: Object.fromEntries(packages.map((name) => [`@kmemlab/${name}`, source(name)])) },
  test: {
    reporters: ['default', './test/plain-summary.ts'],
    include: ['packages/*/src/**/*.spec.ts', 'test/**/*.spec.ts'],
    testTimeout: 120_000,
  },
});
