import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('the kernel that is run yields its effects themselves, without an iterator for each', () => {
  const kernel = readFileSync(new URL('../packages/kernel/dist/bundle/index.js', import.meta.url), 'utf8');
  const effects = kernel.match(/\byield\b\*?(?= *(?:call|request|wait|work)\()/g) ?? [];
  expect(effects.length).toBeGreaterThan(1000);
  expect(new Set(effects)).toEqual(new Set(['yield']));
});
