import { describe, expect, it } from 'vitest';
import { resolveCheck } from '../check/check.js';
import { search } from '../check/search.js';
import { runScenario } from '../run.js';
import { resolveScenario } from './resolve.js';

const patchOf = (body: string) => ({
  path: 'p.mjs',
  text: `export default { name: 'p', summary: 's', apply({ policies, functions }, api) { ${body} } };`,
});

const request = { experiment: 'avoid-ipis', engine: 'sim', params: { loops: '1' } } as const;

const NEVER = `functions.replaceFunction('work', 'sysfs_slab_remove_workfn', (original) => original);`;
const SAME = `const { afterPublish } = policies.slab;
  policies.slab.afterPublish = function* mine(cpu, previous) { yield* afterPublish(cpu, previous); };
  policies.smp.everyone = policies.smp.everyone.bind(null);
  functions.replaceHandler('mutex.unlock', (original) => (...args) => original(...args));`;

describe('a run tells of a patch', () => {
  it.each([
    ['that it changes nothing', '', [{ name: 'p', reason: 'changes-nothing' }]],
    ['that nothing of it was called', NEVER, [{ name: 'p', reason: 'never-called' }]],
    ['nothing if something of it was called', SAME, undefined],
    ['nothing if it has set a value', 'policies.slab.trims = "emptied";', undefined],
  ])('%s', async (_, body, idle) => {
    const { idlePatches } = await runScenario(await resolveScenario({ ...request, patchFiles: [patchOf(body)] }));
    expect(idlePatches).toEqual(idle);
  });

  it('and finding that out changes no event', async () => {
    const digests = [{}, { patchFiles: [patchOf(SAME)] }].map(async (own) => {
      const { digest } = await runScenario(await resolveScenario({ ...request, ...own }));
      return digest;
    });
    const [plain, patched] = await Promise.all(digests);
    expect(patched).toBe(plain);
  });
});

it.each([
  [NEVER, [{ name: 'p', reason: 'never-called' }]],
  [SAME, []],
])('so does a search', async (body, idle) => {
  const plan = await resolveCheck({ run: { experiment: 'avoid-ipis', patchFiles: [patchOf(body)] }, schedules: 2 });
  expect((await search(plan, { jobs: 1 })).idlePatches).toEqual(idle);
});
