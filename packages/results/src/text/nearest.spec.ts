import { describe, expect, it } from 'vitest';
import { nearest, suggestion } from './nearest.js';

describe('nearest', () => {
  const names = ['experiments', 'kernels', 'patches', 'verdicts', 'profiles'];

  it.each([
    ['kernel', 'kernels'],
    ['kenrels', 'kernels'],
    ['patchs', 'patches'],
    ['exp', 'experiments'],
    ['profile', 'profiles'],
  ])('%s is near %s', (typed, meant) => expect(nearest(typed, names)).toBe(meant));

  it('suggests the choices when nothing is near', () => {
    expect(nearest('zzz', names)).toBeUndefined();
    expect(suggestion('zzz', ['a', 'b'])).toBe('choose one of a, b');
  });
});
