import { describe, expect, it } from 'vitest';
import type { PatchFile } from '../api.js';
import { runScenario } from '../run.js';
import { resolveScenario } from './resolve.js';

const file = (name: string, body = '', head = ''): PatchFile => ({
  path: `${name}.mjs`,
  text: `${head}export default { name: '${name}', summary: 's', apply({ policies }) { ${body} } };`,
});

const request = { experiment: 'avoid-ipis', engine: 'sim' } as const;

describe("a user's patch", () => {
  it('goes into the kernels that name it, or into all if none does', async () => {
    const patchFiles = [file('one'), file('two')];
    const kernels = async (...named: string[]) => {
      const resolved = named.map((kernel) => resolveScenario({ ...request, patchFiles, kernel, comparedWith: named }));
      return (await Promise.all(resolved)).map(({ kernel, patchFiles: used }) => [
        kernel,
        used.map(({ path }) => path),
      ]);
    };
    const both = ['one.mjs', 'two.mjs'];
    expect(await kernels('v4.10', 'v4.12')).toEqual([
      ['v4.10+one+two', both],
      ['v4.12+one+two', both],
    ]);
    expect(await kernels('v4.10', 'v4.10+one')).toEqual([
      ['v4.10+two', ['two.mjs']],
      ['v4.10+one+two', both],
    ]);
    expect(await kernels('v4.10', 'v4.10+two+avoid-kick-on-create+one')).toEqual([
      ['v4.10', []],
      ['v4.10+avoid-kick-on-create+one+two', both],
    ]);
  });

  it.each([
    [
      'a policy that does not exist',
      'policies.slab.afterPublsh = function* () {};',
      /^--patch p.mjs: there is no policies.slab.afterPublsh; did you mean policies.slab.afterPublish\?$/,
    ],
    [
      'a policy of another kind',
      'policies.slab.afterPublish = 5;',
      /^--patch p.mjs: policies.slab.afterPublish becomes a number; make it a function$/,
    ],
    ['an exception', "throw new Error('no');", /^--patch p.mjs: apply\(\) threw Error: no; mend the file$/],
    [
      'an exception that is none',
      'throw Object.create(null);',
      /^--patch p.mjs: apply\(\) threw something that is no error;/,
    ],
  ])('is refused for %s', async (_, body, message) => {
    await expect(resolveScenario({ ...request, patchFiles: [file('p', body)] })).rejects.toThrow(message);
  });

  it('is refused if it waits, imports another file, has no good name, or is given twice', async () => {
    const refused = async (message: RegExp, ...patchFiles: PatchFile[]) =>
      expect(resolveScenario({ ...request, patchFiles })).rejects.toThrow(message);
    const waits = { path: 'w.mjs', text: "export default { name: 'w', async apply() { throw new Error('later'); } };" };
    await refused(/^--patch w.mjs: apply\(\) is asynchronous; make it an ordinary function$/, waits);
    await refused(
      /^--patch i.mjs: it does not load \(.{1,200}\); a patch is one file/,
      file('i', '', "import './x.js';"),
    );
    const throws = { path: 't.mjs', text: "export default { get name() { throw new Error('no'); }, apply() {} };" };
    await refused(/^--patch t.mjs: it does not load \(Error: no\); mend the file$/, throws);
    await refused(/^--patch Bad.mjs: "Bad" is no name for a patch; use a-z, 0-9 and -$/, file('Bad'));
    await refused(/^--patch p.mjs: patch p is in --patch p.mjs already; give it once$/, file('p'), file('p'));
  });
});

describe('what a patch asks of the machine by mistake ends the run, and says what it was', () => {
  it.each([
    ['work of -5 ns', 'yield* api.work(-5);'],
    ['work of NaN ns', 'yield* api.work(NaN);'],
    ['there is no node 77 to send a message to', 'yield* api.request(77, {}, null);'],
    ['a message needs a handler, not nope', "yield* api.request(0, 'nope', null);"],
    ['there is no node -1 to send a message to', 'yield* api.post(-1, {}, null);'],
    ['there is no mutex nope; there are slab_mutex', "yield* api.call(api.mutexLock, cpu, 'nope');"],
  ])('%s', async (detail, body) => {
    const text = `export default { name: 'p', summary: 's', apply({ policies }, api) {
      policies.slab.afterPublish = function* afterPublish(cpu) { ${body} };
    } };`;
    const { outcome, failure } = await runScenario(
      await resolveScenario({ ...request, patchFiles: [{ path: 'p.mjs', text }] }),
    );
    expect({ outcome, kind: failure?.kind }).toEqual({ outcome: 'failed', kind: 'patch-threw' });
    expect(failure?.detail).toContain(detail);
  });
});

it('a boot that sleeps for ever in a patch is a deadlock', async () => {
  const text = `export default { name: 'p', summary: 's', apply({ policies }, api) {
    policies.slab.afterPublish = function* afterPublish(cpu) { yield* api.call(api.mutexLock, cpu, 'slab_mutex'); };
  } };`;
  const { verdicts } = await runScenario(await resolveScenario({ ...request, patchFiles: [{ path: 'p.mjs', text }] }));
  expect(verdicts).toMatchObject([{ class: 'deadlock', id: 'MTX-4', steps: [{ task: 'swapper' }] }]);
});

it('the stack of an endless recursion shows its two ends', async () => {
  const text = `export default { name: 'p', summary: 's', apply({ policies }, api) {
    function* again() { yield* api.call(again); }
    policies.slab.afterPublish = function* afterPublish() { yield* api.call(again); };
  } };`;
  const { verdicts } = await runScenario(await resolveScenario({ ...request, patchFiles: [{ path: 'p.mjs', text }] }));
  const stack = verdicts[0]?.steps[0]?.stack ?? [];
  expect(stack.length).toBeLessThan(100);
  expect([stack[0], stack.at(-1)]).toEqual(['again', 'startKernel']);
  expect(stack).toContain('…');
});
