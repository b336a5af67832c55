import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunResult } from '@kmemlab/results';
import { describe, expect, test } from 'vitest';
import { emptyDirectory, filesIn, kmemlab } from './command.js';

/** The deterministic machine, so that a run can be repeated event by event. */
const sim = ['--engine', 'sim'];
const small = [...sim, '--nodes', '2', '--cpus-per-node', '2', '--param', 'loops=10'];
const example = fileURLToPath(new URL('../../docs/examples/kick-one-by-one.mjs', import.meta.url));

async function json(args: readonly string[]) {
  const { stdout, status } = await kmemlab([...args, '--json'], emptyDirectory());
  return { status, result: JSON.parse(stdout) };
}

describe('run', () => {
  test('prints one document of the result schema, and writes it with the scenario into the run directory', async () => {
    const cwd = emptyDirectory();
    const { status, stdout } = await kmemlab(['run', 'avoid-ipis', ...small, '--json', '--out', 'here'], cwd);
    expect(status).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({
      schema: 'kmemlab.result/1',
      experiment: 'avoid-ipis',
      kernel: 'v4.10',
      engine: 'sim',
      machine: { nodes: 2, cpusPerNode: 2 },
      outcome: 'ok',
      counters: { caches: { created: 30 }, calls: { kick_all_cpus_sync: 30 } },
    });
    expect(Object.keys(result.phases)).toEqual(['boot', 'create', 'settle', 'remove', 'rootCache']);
    expect(JSON.parse(readFileSync(join(cwd, 'here', 'result.json'), 'utf8')).digest).toBe(result.digest);
    const again = await kmemlab(['run', 'here/scenario.yaml', '--json'], cwd);
    expect(JSON.parse(again.stdout).digest).toBe(result.digest);
  });

  test('gives the same digest twice, and another schedule with the same counts for another seed', async () => {
    const random = ['run', 'avoid-ipis', ...small, '--strategy', 'random'];
    const [first, second, other] = await Promise.all([json(random), json(random), json([...random, '--seed', '2'])]);
    expect(second.result.digest).toBe(first.result.digest);
    expect(other.result.digest).not.toBe(first.result.digest);
    expect(other.result.counters.calls.kick_all_cpus_sync).toBe(first.result.counters.calls.kick_all_cpus_sync);
  });

  test('proves determinism with --check-determinism', async () => {
    const { status, result } = await json(['run', 'avoid-ipis', ...small, '--check-determinism']);
    expect({ status, same: result.determinism.same }).toEqual({ status: 0, same: true });
  });

  test.each([['--strategy', 'time'], ['--check-determinism']])(
    'takes the deterministic machine if none is named: %s',
    async (...flags) => {
      const { status, result } = await json(['run', 'avoid-ipis', ...flags, '--nodes', '1', '--param', 'loops=1']);
      expect({ status, engine: result.engine }).toEqual({ status: 0, engine: 'sim' });
    },
  );

  test('shows the first difference when a patch is not deterministic', async () => {
    const cwd = emptyDirectory();
    const patch = `export default { name: 'dice', summary: 'random work', apply(kernel, api) {
      kernel.policies.slab.afterPublish = function* (cpu) { yield* api.work(Math.floor(Math.random() * 1e6)); };
    } };`;
    writeFileSync(join(cwd, 'dice.mjs'), patch);
    const args = ['run', 'avoid-ipis', ...small, '--patch', 'dice.mjs', '--check-determinism', '--json'];
    const { status, stdout } = await kmemlab(args, cwd);
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'failed', failure: { kind: 'not-deterministic' } });
    expect(JSON.parse(stdout).determinism.firstDifference).toMatch(/^event \d+: first run .* second run /);
  });

  test('exits 1 with a verdict that names both conflicting steps', async () => {
    const { status, result } = await json([
      'run',
      'tune-slabinfo',
      ...sim,
      '--kernel',
      'v4.10+never-kick',
      '--param',
      'irqOffCpu=1',
    ]);
    expect(status).toBe(1);
    expect(result.outcome).toBe('violation');
    expect(result.verdicts[0]).toMatchObject({ class: 'use-after-free', steps: [{ cpu: 0 }, { cpu: 1 }] });
  });

  test('ends with 130 and readable partial results on Ctrl-C', async () => {
    const cwd = emptyDirectory();
    const args = ['run', 'avoid-ipis', ...sim, '--param', 'loops=65000', '--json', '--out', 'here'];
    const started = () => existsSync(join(cwd, 'here', 'result.json'));
    const { status, stdout } = await kmemlab(args, cwd, started);
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'incomplete', failure: { kind: 'interrupted' } });
    expect(JSON.parse(readFileSync(join(cwd, 'here', 'result.json'), 'utf8')).outcome).toBe('incomplete');
  });

  test('names a patch that throws while the kernel runs', async () => {
    const cwd = emptyDirectory();
    const patch = `export default { name: 'bad', summary: 'throws', apply(kernel) {
      kernel.policies.slab.afterPublish = function* (cpu, previous) { if (cpu.published.slabFull) throw new Error('no kick today'); };
    } };`;
    writeFileSync(join(cwd, 'bad.mjs'), patch);
    const { status, stdout } = await kmemlab(['run', 'avoid-ipis', ...small, '--patch', 'bad.mjs', '--json'], cwd);
    expect(status).toBe(3);
    const detail = expect.stringMatching(/^no kick today \(bad\.mjs, line 2; CPU\d in anonymous < publishArrays < /);
    expect(JSON.parse(stdout).failure).toEqual({ kind: 'patch-threw', detail });
  });

  const elsewhere = [
    ['ends its process', 'process.exit(0)', /status 0; does a patch call process\.exit/],
    ['throws where nobody waits', "setImmediate(() => { throw new Error('late'); })", /^late, thrown where nobody/],
    ['throws what is no error', 'setImmediate(() => { throw null; })', /^null, thrown where nobody/],
    ['rejects where nobody waits', "Promise.reject(new Error('never'))", /^never, thrown where nobody/],
  ] as const;
  test.each(elsewhere)('names a patch that %s', async (_what, code, detail) => {
    const cwd = emptyDirectory();
    const patch = `let done = false;
      export default { name: 'bad', summary: 's', apply(kernel) {
        kernel.policies.slab.afterPublish = function* (cpu) {
          if (cpu.published.slabFull && !done) { done = true; ${code}; }
        };
      } };`;
    writeFileSync(join(cwd, 'bad.mjs'), patch);
    const { status, stdout } = await kmemlab(['run', 'avoid-ipis', ...sim, '--patch', 'bad.mjs', '--json'], cwd);
    expect(status).toBe(3);
    const { failure, phases } = JSON.parse(stdout);
    expect(failure).toEqual({ kind: 'patch-threw', detail: expect.stringMatching(detail) });
    expect(Object.keys(phases)[0]).toBe('boot');
  });

  test.each(['run', 'check'])('%s ends on Ctrl-C while a patch is applied that never ends', async (command) => {
    const cwd = emptyDirectory();
    const patch = `export default { name: 'endless', summary: 's', apply() {
      console.error('applied');
      for (;;);
    } };`;
    writeFileSync(join(cwd, 'endless.mjs'), patch);
    const args = [command, 'avoid-ipis', ...sim, '--patch', 'endless.mjs'];
    const { stdout } = await kmemlab(args, cwd, (stderr) => stderr.includes('applied'));
    expect(stdout).toBe('');
    expect(filesIn(cwd)).toEqual(['endless.mjs']);
  });

  test('ends on Ctrl-C in the middle of an endless loop of a patch', async () => {
    const cwd = emptyDirectory();
    const patch = `export default { name: 'endless', summary: 's', apply(kernel) {
      kernel.policies.slab.afterPublish = function* (cpu) { while (cpu.published.slabFull); };
    } };`;
    writeFileSync(join(cwd, 'endless.mjs'), patch);
    const args = ['run', 'avoid-ipis', ...sim, '--patch', 'endless.mjs', '--json', '--out', 'here'];
    const { status, stdout } = await kmemlab(args, cwd, () => existsSync(join(cwd, 'here', 'result.json')));
    expect(status).toBe(130);
    const failure = { kind: 'interrupted', detail: expect.stringContaining('endless loop') };
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'incomplete', failure, phases: { boot: {} } });
  });

  test('applies the worked example of the docs, which is still safe', async () => {
    const { status, result } = await json([
      'run',
      'tune-slabinfo',
      ...sim,
      '--patch',
      example,
      '--param',
      'irqOffCpu=1',
    ]);
    expect({ status, patches: result.patches }).toEqual({ status: 0, patches: ['kick-one-by-one'] });
  });
});

test('a timer that a patch has left behind does not keep the command from ending', async () => {
  const cwd = emptyDirectory();
  writeFileSync(
    join(cwd, 'timer.mjs'),
    "export default { name: 'timer', summary: 's', apply() { setInterval(() => {}, 1000); } };",
  );
  const { status, stdout } = await kmemlab(['run', 'avoid-ipis', ...small, '--patch', 'timer.mjs', '--json'], cwd);
  expect({ status, outcome: JSON.parse(stdout).outcome }).toEqual({ status: 0, outcome: 'ok' });
});

describe('compare', () => {
  test('holds every kernel, also one with a verdict', async () => {
    const kernels = ['--kernel', 'v4.10', '--kernel', 'v4.10+never-kick'];
    const { status, result } = await json(['compare', 'tune-slabinfo', ...sim, ...kernels, '--param', 'irqOffCpu=1']);
    expect(status).toBe(1);
    expect(result.schema).toBe('kmemlab.compare/1');
    expect(result.results.map((run: { outcome: string }) => run.outcome)).toEqual(['ok', 'violation']);
  });

  test('has the same digests with runs side by side and one after the other', async () => {
    const args = ['compare', 'avoid-ipis', ...small, '--kernel', 'v4.10', '--kernel', 'v5.2', '--seeds', '2'];
    const [together, alone] = await Promise.all(['2', '1'].map((jobs) => json([...args, '--jobs', jobs])));
    const digests = (compared: typeof alone) => compared?.result.results.map(({ digest }: RunResult) => digest);
    expect(new Set(digests(together)).size).toBe(4);
    expect(digests(together)).toEqual(digests(alone));
  });

  test('says in a sentence what the patch saves', async () => {
    const kernels = ['--kernel', 'v4.10', '--kernel', 'v4.10+avoid-kick-on-create'];
    const { stdout } = await kmemlab(['compare', 'avoid-ipis', ...kernels, ...small], emptyDirectory());
    expect(stdout.replace(/\s+/g, ' ')).toMatch(/creates the same 30 caches with 0 kicks instead of 30: 90 fewer IPIs/);
  });
});

const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['an unknown command', ['rum'], /unknown command "rum"; did you mean run\?/],
  ['an unknown experiment', ['run', 'avoid-ipi'], /did you mean avoid-ipis\?/],
  ['an unknown version', ['run', 'avoid-ipis', '--kernel', 'v4.9'], /unknown version "v4\.9"/],
  ['an unknown patch', ['run', 'avoid-ipis', '--kernel', 'v4.10+never-kik'], /did you mean never-kick\?/],
  [
    'an unknown patch option',
    ['run', 'avoid-ipis', '--kernel', 'v4.10+never-kick:x=1'],
    /patch never-kick has no such parameter; leave it out/,
  ],
  ['an unknown flag', ['run', 'avoid-ipis', '--nodez', '2'], /did you mean --nodes\?/],
  ['an unknown parameter', ['run', 'avoid-ipis', '--param', 'loop=3'], /did you mean loops\?/],
  ['a parameter out of range', ['run', 'avoid-ipis', '--param', 'loops=65001'], /give 1\.\.65000/],
  ['a parameter that is no number', ['run', 'avoid-ipis', '--param', 'loops=many'], /"many" is not allowed/],
  ['a CPU that does not exist', ['run', 'tune-slabinfo', '--param', 'irqOffCpu=8'], /CPUs 0 to 7/],
  ['no nodes', ['run', 'avoid-ipis', '--nodes', '0'], /give 1 to 64/],
  ['an unknown configuration', ['run', 'avoid-ipis', '--config', 'slab,smp'], /unknown token "smp"/],
  [
    'a strategy for the live machine',
    ['run', 'avoid-ipis', '--engine', 'live', '--strategy', 'time'],
    /use --engine sim/,
  ],
  [
    'a check of determinism on the live machine',
    ['run', 'avoid-ipis', '--engine', 'live', '--check-determinism'],
    /use --engine sim/,
  ],
  ['a flag of the live machine', ['run', 'avoid-ipis', '--engine', 'sim', '--pin'], /only for the live machine/],
  ['malformed YAML', ['run', 'malformed.yaml'], /malformed\.yaml:\d+:\d+: not valid YAML/],
  ['a wrong key in a scenario', ['run', 'key.yaml'], /unknown key costs\.ipi\.sent; did you mean ipi\.send\?/],
  ['a scenario that does not exist', ['run', 'none.yaml'], /no such file/],
  [
    'a patch file that throws',
    ['run', 'avoid-ipis', '--patch', 'throws.mjs'],
    /throws\.mjs: it does not load \(Error: boom\)/,
  ],
  [
    'a patch that throws when applied',
    ['run', 'avoid-ipis', '--patch', 'apply.mjs'],
    /apply\(\) threw Error: not here/,
  ],
  ['a file that is no patch', ['run', 'avoid-ipis', '--patch', 'empty.mjs'], /the default export is no patch/],
];

describe('wrong input', () => {
  test.each(wrong)('%s: one line, exit 2, nothing written', async (_what, args, message) => {
    const cwd = emptyDirectory();
    writeFileSync(join(cwd, 'malformed.yaml'), 'experiment: avoid-ipis\nparams: {loops: [\n');
    writeFileSync(join(cwd, 'key.yaml'), 'experiment: avoid-ipis\ncosts:\n  ipi.sent: 3\n');
    writeFileSync(join(cwd, 'throws.mjs'), "throw new Error('boom')");
    writeFileSync(join(cwd, 'apply.mjs'), "export default { name: 'a', apply() { throw new Error('not here') } }");
    writeFileSync(join(cwd, 'empty.mjs'), 'export default {}');
    const before = filesIn(cwd);
    const { status, stdout, stderr } = await kmemlab(args, cwd);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect({ status, stdout, files: filesIn(cwd) }).toEqual({ status: 2, stdout: '', files: before });
  });
});
