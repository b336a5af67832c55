import { expect, it, vi } from 'vitest';
import { resolveScenario } from './resolve.js';
import { parseScenarioFile } from './scenario-file.js';

it.each([
  [
    'a value within itself',
    'experiment: avoid-ipis\nparams: &a\n  x: *a\n',
    /^s.yaml: an alias is within its own anchor/,
  ],
  ['the key of a prototype', 'experiment: avoid-ipis\nparams: {__proto__: {x: 1}}\n', /^s.yaml: unknown key __proto__/],
  ['a list as a key', 'experiment: avoid-ipis\n? [a, b]\n: 3\n', /^s.yaml: unknown key /],
])('a scenario with %s is refused, and nothing is printed', (_what, text, message) => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  try {
    expect(() => parseScenarioFile('s.yaml', text)).toThrow(message);
    expect(warned).not.toHaveBeenCalled();
  } finally {
    warned.mockRestore();
  }
});

it('no option of a patch has the name of a prototype', async () => {
  const kernel = 'v3.14+no-destroy-on-last-page:__proto__=1';
  await expect(resolveScenario({ experiment: 'avoid-ipis', kernel })).rejects.toThrow(/__proto__/);
});
