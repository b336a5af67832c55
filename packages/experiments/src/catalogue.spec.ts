import { expect, it } from 'vitest';
import { catalogue } from './catalogue.js';

it('lists what a patch can replace, with its kind', () => {
  const nothingElse = { details: [] };
  expect(catalogue('functions')).toContainEqual({ name: 'cache_reap', summary: 'work', ...nothingElse });
  expect(catalogue('functions')).toContainEqual({ name: 'do_drain', summary: 'csd', ...nothingElse });
  expect(catalogue('handlers')).toContainEqual({ name: 'mutex.unlock', summary: 'at its home', ...nothingElse });
  expect(catalogue('handlers').find(({ name }) => name === 'smp.csdUnlock')?.summary).toMatch(/^atomic/);
});
