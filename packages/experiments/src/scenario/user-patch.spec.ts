import { describe, expect, it } from 'vitest';
import type { PatchFile } from '../api.js';
import { runScenario } from '../run.js';
import { resolveScenario, scenarioToYaml } from './resolve.js';

const file = (name: string, body = '', head = ''): PatchFile => ({
  path: `${name}.mjs`,
  text: `${head}export default { name: '${name}', summary: 's', apply({ policies, functions }) { ${body} } };`,
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
      /^--patch p.mjs: policies.slab.afterPublish becomes a number; make it a generator function \(function\*\)$/,
    ],
    [
      'an ordinary function that becomes a generator',
      'policies.smp.everyone = function* (cpu) {};',
      /^--patch p.mjs: policies.smp.everyone becomes a generator function; make it a function$/,
    ],
    [
      'an asynchronous policy where none was',
      'policies.memcg.afterFree = async (cpu) => {};',
      /^--patch p.mjs: policies.memcg.afterFree becomes an async function; kernel code is not asynchronous$/,
    ],
    [
      'a policy that is no word of its',
      "policies.smp.maskCallRings = 'nobody';",
      /^--patch p.mjs: policies.smp.maskCallRings becomes "nobody"; choose one of everyTarget, emptyQueues$/,
    ],
    [
      'a kind of function that does not exist',
      "functions.replaceFunction('tasklet', 'x', (original) => original);",
      /^--patch p.mjs: no kind of function is called tasklet; choose one of csd, work, rcu, timer, thread, /,
    ],
    [
      'a function that does not exist',
      "functions.replaceFunction('work', 'cache_reep', (original) => original);",
      /^--patch p.mjs: no work function is called cache_reep; did you mean cache_reap\?$/,
    ],
    [
      'a handler that does not exist',
      "functions.replaceHandler('mutex.unlok', (original) => original);",
      /^--patch p.mjs: no handler is called mutex.unlok; did you mean mutex.unlock\?$/,
    ],
    [
      'a wrapper that returns nothing',
      "functions.replaceFunction('work', 'cache_reap', (original) => {});",
      /^--patch p.mjs: apply\(\) threw Error: the replacement of work function cache_reap is undefined, not a generator/,
    ],
    ['an exception', "throw new Error('no');", /^--patch p.mjs: apply\(\) threw Error: no; mend p.mjs, line 1$/],
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

describe("a user's patch with options", () => {
  const text = `export default {
    name: 'kicks', summary: 's', appliesTo: ['v4.10', 'v4.12'],
    options: {
      every: { kind: 'integer', min: 1, max: 9, default: 2, summary: 'kick at each so many publications' },
      how: { kind: 'choice', values: ['all', 'one'], default: 'all', summary: 'whom' },
    },
    apply({ policies }, api, { every, how }) {
      policies.slab.kicksPerPublish = () => every;
      policies.slab.afterPublish = function* afterPublish() { throw new Error('options ' + every + ' ' + how); };
    },
  };`;
  const patchFiles = [{ path: 'k.mjs', text }];
  const kernelOf = async (kernel: string, ...comparedWith: string[]) =>
    (await resolveScenario({ ...request, patchFiles, kernel, comparedWith })).kernel;

  it('is named with them, as built-in ones are', async () => {
    expect(await kernelOf('v4.10+kicks:how=one:every=3')).toBe('v4.10+kicks:every=3:how=one');
    expect(await kernelOf('v4.10+kicks:every=2')).toBe('v4.10+kicks');
    expect(await kernelOf('v4.10')).toBe('v4.10+kicks');
    expect(await kernelOf('v4.10', 'v4.10+kicks:every=3')).toBe('v4.10');
    expect(await kernelOf('v4.10+kicks:every=3+avoid-kick-on-create')).toBe('v4.10+avoid-kick-on-create+kicks:every=3');
  });

  it('gets them where it runs, also from the scenario file that a run leaves', async () => {
    const scenario = await resolveScenario({ ...request, patchFiles, kernel: 'v4.10+kicks:every=3' });
    const again = await resolveScenario({
      experiment: 'scenario.yaml',
      scenarioText: scenarioToYaml(scenario),
      patchFiles,
    });
    expect(again).toEqual(scenario);
    expect((await runScenario(again)).failure?.detail).toContain('options 3 all');
  });

  it.each([
    ['v4.10+kicks:evry=1', /option evry: patch kicks has no such parameter; did you mean every\?$/],
    ['v4.10+kicks:every=10', /option every: "10" is not allowed; give 1..9$/],
    ['v4.10+kicks:every', /option every of kicks has no value; give every=VALUE$/],
    ['v4.10+kick', /^kernel "v4.10\+kick": unknown patch "kick"; did you mean kicks\?$/],
    ['v4.10+kicks+kicks', /^kernel "v4.10\+kicks\+kicks": patch kicks is named twice; name it once$/],
    ['v5.2', /^kernel "v5.2": patch kicks applies to v4.10, v4.12, not to v5.2; choose one of these$/],
  ])('%s is refused', async (kernel, message) => {
    await expect(kernelOf(kernel)).rejects.toThrow(message);
  });

  it.each([
    ["options: { every: { kind: 'number' } }", /^--patch p.mjs: options.every.*: kind is 'integer' /],
    ["options: { a: { kind: 'integer', min: 1, max: 2, default: 3 } }", /options.a: the default is not in its range; /],
    [
      "options: { 'a+b': { kind: 'choice', values: ['a'], default: 'a' } }",
      /^--patch p.mjs: options: there is one with a bad name; use letters, /,
    ],
    ["appliesTo: ['v4.1']", /^--patch p.mjs: appliesTo.0: .*"v4.10"/],
  ])('that declares %s is refused', async (declared, message) => {
    const wrong = { path: 'p.mjs', text: `export default { name: 'p', summary: 's', ${declared}, apply() {} };` };
    await expect(resolveScenario({ ...request, patchFiles: [wrong] })).rejects.toThrow(message);
  });
});

it('may put an ordinary function in the place of a generator function, which returns what another one does', async () => {
  const body = `const { afterPublish } = policies.slab;
    policies.slab.afterPublish = (cpu, previous) => afterPublish(cpu, previous);
    functions.replaceFunction('work', 'cache_reap', (original) => (cpu, data) => original(cpu, data));`;
  const { outcome, digest } = await runScenario(await resolveScenario({ ...request, patchFiles: [file('p', body)] }));
  expect(outcome).toBe('ok');
  expect(digest).toBe((await runScenario(await resolveScenario(request))).digest);
});

describe('what a patch asks of the machine by mistake ends the run, and says what it was', () => {
  it.each([
    ["reading 'foo') (p.mjs, line 2; CPU0 in afterPublish < publishArrays < ", 'null.foo;'],
    ["reading 'foo') (p.mjs, line 3; CPU0 in broken < afterPublish < ", 'yield* api.call(broken);'],
    ['no such lock (p.mjs, line 4; handler mutex.unlock at node 0)', ''],
    [
      'call of a function that does not exist: it is undefined (CPU0 in undefined < after',
      'yield* api.call(api.kick, cpu);',
    ],
    [
      'call of afterPublish, which is no generator function (CPU0 in afterPublish < ',
      '}; policies.slab.afterPublish = function afterPublish(cpu) {',
    ],
    [
      'call of plain, which is no generator function (CPU0 in plain < after',
      'yield* api.call(function plain() {}, cpu);',
    ],
    ['work of -5 ns (CPU0 in afterPublish < ', 'yield* api.work(-5);'],
    ['work of NaN ns', 'yield* api.work(NaN);'],
    ['there is no node 77 to send a message to', 'yield* api.request(77, {}, null);'],
    ['a message needs a handler, not nope', "yield* api.request(0, 'nope', null);"],
    ['there is no node -1 to send a message to', 'yield* api.post(-1, {}, null);'],
    ['there is no workqueue nope; there are system_wq', "yield* api.call(api.flushWorkqueue, cpu, 'nope');"],
    ['there is no mutex nope; there are slab_mutex', "yield* api.call(api.mutexLock, cpu, 'nope');"],
  ])('%s', async (detail, body) => {
    const text = `export default { name: 'p', summary: 's', apply({ policies, functions }, api) {
      policies.slab.afterPublish = function* afterPublish(cpu) { ${body} };
      function* broken() { null.foo; }
      functions.replaceHandler('mutex.unlock', () => function unlock() { throw new Error('no such\\nlock'); });
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
