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

export default defineConfig({
  resolve: {
    alias: {
      ...Object.fromEntries(packages.map((name) => [`@kmemlab/${name}`, source(`packages/${name}`)])),
      '@kmemlab/node-service': source('services/node'),
    },
  },
  test: {
    reporters: ['default', './test/plain-summary.ts'],
    include: ['packages/*/src/**/*.spec.ts', 'services/*/src/**/*.spec.ts', 'test/**/*.spec.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
