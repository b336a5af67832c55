import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { capture, type Fake, FakeInputError, kmemlab, resultOf } from '../fixtures/fake-engine.js';

let root: string;
let out: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'kmemlab-cli-'));
  out = join(root, 'out');
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const read = (...path: string[]) => fs.readFileSync(join(out, ...path), 'utf8');
const readJson = (...path: string[]) => JSON.parse(read(...path));
const verdict = { class: 'use-after-free', id: 'V0-b', object: 'x', steps: [] };
const two = ['--kernel', 'v4.10', '--kernel', 'v4.10+avoid-kick-on-create'];

function fullDisk(after = 0): typeof fs {
  let writes = 0;
  const writeFileSync = (...args: Parameters<typeof fs.writeFileSync>) => {
    if (++writes > after) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    fs.writeFileSync(...args);
  };
  return { ...fs, writeFileSync };
}

describe('help', () => {
  it.each([[[]], [['--help']]])('%j prints an overview with examples', async (args) => {
    const { status, stdout, stderr } = await kmemlab(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('kmemlab compare avoid-ipis --kernel v4.10');
  });

  it.each(['run', 'compare', 'report', 'list', 'doctor', 'calibrate', 'node', 'nodes', 'submit'])(
    '%s --help has examples',
    async (command) => {
      const { status, stdout } = await kmemlab([command, '--help']);
      expect(status).toBe(0);
      expect(stdout).toContain('EXAMPLES');
    },
  );

  it('prints the version', async () => {
    expect(await kmemlab(['--version'])).toMatchObject({ status: 0, stdout: '1.2.3\n' });
  });
});

describe('wrong usage', () => {
  it.each([
    [['runn', 'x'], 'unknown command "runn"; did you mean run?'],
    [
      ['frobnicate'],
      'unknown command "frobnicate"; choose one of run, compare, check, replay, matrix, report, list, doctor, calibrate, node, nodes, submit',
    ],
    [['--json'], 'unknown flag --json before a command'],
    [['run'], '<experiment> is missing; see kmemlab list experiments'],
    [['run', ''], '<experiment> "": empty; give a value'],
    [['run', 'a', 'b'], 'unexpected argument "b" after the first'],
    [['run', 'a', '--nodez', '2'], 'unknown flag --nodez; did you mean --nodes?'],
    [['run', 'a', '-x'], 'unknown flag -x'],
    [['run', 'a', '--nodes', '0'], '--nodes "0": out of range; give 1 to 64'],
    [['run', 'a', '--nodes', '-1'], '--nodes "-1": out of range; give 1 to 64'],
    [['run', 'a', '--nodes', '1e9'], '--nodes "1e9": not an integer; give one from 1 to 64'],
    [['run', 'a', '--cpus-per-node', '2.5'], '--cpus-per-node "2.5": not an integer'],
    [['run', 'a', '--seed', '99999999999999999999'], 'out of range; give 0 to 4294967295'],
    [['run', 'a', '--seed', '4294967295', '--seeds', '2'], '--seeds 2: seed 4294967296 is out of range'],
    [['run', 'a', '--seeds', '0'], '--seeds "0": out of range'],
    [['run', 'a', '--strategy', 'tmie'], '--strategy "tmie": unknown; did you mean time?'],
    [['run', 'a', '--engine', 'x'], '--engine "x": unknown; choose one of sim, live'],
    [
      ['run', 'a', '--pin', '--engine', 'sim'],
      '--pin: only for the live machine; give --engine live or leave --pin out',
    ],
    [['run', 'a', '--nats', 'nats://h', '--engine', 'sim'], '--nats: only for the live machine'],
    [['compare', 'a', ...two, '--deadline', '9', '--engine', 'sim'], '--deadline: only for the live machine'],
    [['run', 'a', '--broker-port', '4222', '--engine', 'sim'], '--broker-port: only for the live machine'],
    [
      ['run', 'a', '--engine', 'live', '--nats', 'nats://h', '--broker-port', '4222'],
      '--broker-port: no broker is started',
    ],
    [['run', 'a', '--nats', 'http://h'], '--nats "http://h": not the address of a NATS server'],
    [['run', 'a', '--nats', ''], '--nats "": not the address of a NATS server'],
    [['run', 'a', '--broker-port', '80'], '--broker-port "80": out of range; give 1024 to 65535'],
    [['run', 'a', '--deadline', '0'], '--deadline "0": out of range; give 1 to 600'],
    [['run', 'a', '--param', 'loops'], '--param "loops": not key=value'],
    [['run', 'a', '--param', 'a=1', '--param', 'a=2'], '--param a: given twice'],
    [['run', 'a', '--kernel', 'v1', '--kernel', 'v2'], 'use kmemlab compare'],
    [['run', 'a', '--kernel'], '--kernel: its value is missing'],
    [['run', 'a', '--kernel', '--json'], '--kernel: its value is missing before --json'],
    [['run', 'a', '--kernel', 'bad', '--nodes', 'x', '--seed', 'y'], '--nodes "x": not an integer'],
    [['run', 'a', '--kernel', 'linux'], '--kernel linux: unknown version; did you mean v4.10?'],
    [['run', 'none.yaml'], 'scenario none.yaml: no such file, give the path of one'],
    [['run', 'a', '--patch', '/'], '--patch /: it is a directory'],
    [['compare', 'a'], 'compare: no --kernel given'],
    [['compare', 'a', '--kernel', 'v4.10'], 'compare: one --kernel given'],
    [['compare', 'a', '--kernel', 'v4.10', '--kernel', 'v4.10'], 'use --seeds N'],
    [['compare', 'a', '--kernel', 'v4.10', '--kernel', 'bad'], '--kernel bad: unknown version'],
    [['list', 'kernel'], 'list: unknown topic "kernel"; did you mean kernels?'],
  ])('%j is one line, status 2, and writes nothing', async (args, line) => {
    const withOut = args[0] === 'run' || args[0] === 'compare' ? [...args, '--out', out] : args;
    const { status, stdout, stderr } = await kmemlab(args.at(-1) === '--kernel' ? args : withOut);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(line);
    expect(stderr).toMatch(/^kmemlab: [^\n]+\n$/);
    expect(fs.readdirSync(root)).toEqual([]);
  });

  it('refuses a run directory that cannot be one', async () => {
    fs.writeFileSync(out, '');
    const { status, stderr } = await kmemlab(['run', 'a', '--out', out, '--json']);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^kmemlab: run directory .*: something that is not a directory is in the way .*--out DIR\n$/,
    );
  });

  it('refuses binary and oversized input files', async () => {
    fs.writeFileSync(join(root, 'p.js'), Buffer.from([0xff, 0xfe, 0x00]));
    expect((await kmemlab(['run', 'a', '--patch', join(root, 'p.js')])).stderr).toContain('not UTF-8 text');
    fs.writeFileSync(join(root, 'big.yaml'), 'a'.repeat(1024 * 1024 + 1));
    expect((await kmemlab(['run', join(root, 'big.yaml')])).stderr).toContain('larger than');
  });

  it('leaves nothing behind when the input proves wrong only while running', async () => {
    const run = async () => {
      throw new FakeInputError('--patch mine.js: throws in its policy');
    };
    const { status, stderr } = await kmemlab(['compare', 'a', ...two, '--seeds', '2', '--out', out], { run });
    expect({ status, stderr }).toEqual({ status: 2, stderr: 'kmemlab: --patch mine.js: throws in its policy\n' });
    expect(fs.readdirSync(root)).toEqual([]);
  });
});

describe('run', () => {
  it('passes the whole request on', async () => {
    fs.writeFileSync(join(root, 'p.js'), 'export default 1;');
    fs.writeFileSync(join(root, 's.yaml'), 'experiment: avoid-ipis\n');
    const scenario = join(root, 's.yaml');
    const machine = ['--nodes', '4', '--cpus-per-node=16', '--strategy', 'random', '--engine', 'sim'];
    const rest = ['--seed', '7', '--param', 'loops=5', '--param', 'profile=a=b', '--config', 'slub'];
    const files = ['--kernel', 'v4.10+p', '--patch', join(root, 'p.js'), '--out', out];
    const { requests } = await kmemlab(['run', scenario, ...machine, ...rest, ...files]);
    expect(requests).toEqual([
      {
        experiment: scenario,
        scenarioText: 'experiment: avoid-ipis\n',
        kernel: 'v4.10+p',
        patchFiles: [{ path: join(root, 'p.js'), text: 'export default 1;' }],
        config: 'slub',
        engine: 'sim',
        nodes: 4,
        cpusPerNode: 16,
        strategy: 'random',
        seed: 7,
        params: { loops: '5', profile: 'a=b' },
      },
    ]);
  });

  it.each([
    [
      ['--nats', 'nats://host:4222', '--pin', '--deadline', '30'],
      { nats: 'nats://host:4222', pin: true, deadlineMs: 30_000 },
    ],
    [['--broker-port', '4333'], { brokerPort: 4333 }],
    [[], {}],
  ])('passes the flags of the live machine on: %j', async (flags, expected) => {
    let seen: unknown;
    const run: Fake['run'] = async (scenario, { place }) => {
      seen = place;
      return resultOf(scenario);
    };
    await kmemlab(['run', 'a', '--engine', 'live', ...flags, '--out', out], { run });
    expect(seen).toEqual(expected);
  });

  it('prints text, fills the run directory and names it in the last line', async () => {
    const { status, stdout, stderr } = await kmemlab(['run', 'avoid-ipis', '--out', out]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^avoid-ipis on v4\.10: ok\n/);
    expect(stderr).toBe(`run directory: ${out}\n`);
    expect(fs.readdirSync(out).sort()).toEqual(['result.json', 'scenario.yaml']);
    expect(read('scenario.yaml')).toBe('kernel: v4.10\nseed: 1\n');
  });

  it('prints with --json the document that it writes', async () => {
    const { stdout } = await kmemlab(['run', 'avoid-ipis', '--out', out, '--json']);
    expect(stdout).toBe(read('result.json'));
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'kmemlab.result/1', kernel: 'v4.10' });
  });

  it('writes the result at each phase mark', async () => {
    const seen: string[] = [];
    const run: Fake['run'] = async (scenario, { onPartial }) => {
      for (const phase of ['boot', 'create']) {
        onPartial?.(resultOf(scenario, { outcome: 'incomplete', phases: {}, settings: { phase } }));
        seen.push(readJson('result.json').settings.phase);
      }
      return resultOf(scenario);
    };
    await kmemlab(['run', 'avoid-ipis', '--out', out], { run });
    expect(seen).toEqual(['boot', 'create']);
    expect(readJson('result.json').outcome).toBe('ok');
  });

  it('ends with 1 on a verdict, and still prints', async () => {
    const run: Fake['run'] = async (scenario) => resultOf(scenario, { outcome: 'violation', verdicts: [verdict] });
    const { status, stdout } = await kmemlab(['run', 'a', '--out', out, '--json'], { run });
    expect(status).toBe(1);
    expect(JSON.parse(stdout).verdicts).toHaveLength(1);
  });

  it('ends with 3 when the engine breaks, with what was known', async () => {
    const run: Fake['run'] = async (scenario, { onPartial }) => {
      onPartial?.(resultOf(scenario, { outcome: 'incomplete' }));
      throw new Error('a defect\nwith lines');
    };
    const { status, stdout, stderr } = await kmemlab(['run', 'a', '--out', out, '--json'], { run });
    expect(status).toBe(3);
    const failure = { kind: 'internal', detail: 'a defect with lines' };
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'failed', failure, script: { first: { cpu0: 128 } } });
    expect(stderr).toContain('kmemlab: the run failed (internal): a defect with lines\n');
  });

  it.each([0, 1, 2])('reports a disk that is full after %i files', async (after) => {
    const run: Fake['run'] = async (scenario, { onPartial, signal }) => {
      onPartial?.(resultOf(scenario, { outcome: 'incomplete' }));
      return resultOf(scenario, signal?.aborted ? { outcome: 'incomplete' } : {});
    };
    const fileSystem = fullDisk(after);
    const { status, stdout, stderr } = await kmemlab(['run', 'a', '--out', out, '--json'], { run }, { fileSystem });
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'failed', failure: { kind: 'disk-full' } });
    expect(stderr).toMatch(/^kmemlab: the run failed \(disk-full\): .*free some space.*\n/);
    expect(fs.readdirSync(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('ends cleanly with 130 on an interruption, and says what was counted', async () => {
    const interruption = new AbortController();
    const run: Fake['run'] = async (scenario, { signal }) => {
      interruption.abort();
      const failure = { kind: 'interrupted', detail: 'in phase create' };
      return resultOf(scenario, signal?.aborted ? { outcome: 'incomplete', failure } : {});
    };
    const args = ['run', 'a', '--seeds', '3', '--out', out, '--json'];
    const { status, stdout } = await kmemlab(args, { run }, { signal: interruption.signal });
    expect(status).toBe(130);
    const { results } = JSON.parse(stdout);
    expect(results.map((result: { outcome: string }) => result.outcome)).toEqual(Array(3).fill('incomplete'));
    expect(fs.readdirSync(out).sort()).toEqual(['compare.json', 'seed-1']);
  });

  it('runs seeds into sub-directories and prints a comparison document', async () => {
    const { stdout } = await kmemlab(['run', 'a', '--seed', '5', '--seeds', '2', '--out', out, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'kmemlab.compare/1',
      results: [{ seed: 5 }, { seed: 6 }],
    });
    expect(readJson('seed-6', 'result.json').seed).toBe(6);
    expect(stdout).toBe(read('compare.json'));
  });

  it('makes a run directory of its own below runs/', async () => {
    const before = process.cwd();
    process.chdir(root);
    try {
      const { stderr } = await kmemlab(['run', 'avoid-ipis']);
      expect(stderr).toBe('run directory: runs/2017-01-17T12-34-56.789Z-avoid-ipis\n');
    } finally {
      process.chdir(before);
    }
  });
});

describe('--check-determinism', () => {
  const args = () => ['run', 'a', '--out', out, '--check-determinism', '--json'];

  it('puts what it found into the result', async () => {
    const { status, stdout } = await kmemlab(args());
    expect(status).toBe(0);
    expect(JSON.parse(stdout).determinism).toEqual({ same: true, digest: '0123456789abcdef' });
  });

  it('fails the run on a difference, and shows the first', async () => {
    const check = async () => ({ same: false, digest: 'x', firstDifference: 'event 12: CPU1 against CPU2' });
    const { status, stdout } = await kmemlab(args(), { check });
    expect(status).toBe(3);
    expect(JSON.parse(stdout).failure).toEqual({ kind: 'not-deterministic', detail: 'event 12: CPU1 against CPU2' });
  });

  it('notices that its own run had another digest', async () => {
    const { status } = await kmemlab(args(), { check: async () => ({ same: true, digest: 'another' }) });
    expect(status).toBe(3);
  });
});

describe('compare', () => {
  it('runs each kernel and seed, and says what the difference means', async () => {
    const { status, stdout } = await kmemlab(['compare', 'avoid-ipis', ...two, '--seeds', '2', '--out', out]);
    expect(status).toBe(0);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('creates the same 300 caches with 0 kicks instead of 300');
    expect(fs.readdirSync(out).sort()).toEqual(['compare.json', 'v4.10', 'v4.10+avoid-kick-on-create']);
    expect(readJson('v4.10+avoid-kick-on-create', 'seed-2', 'result.json').seed).toBe(2);
    expect(readJson('compare.json').results).toHaveLength(4);
  });

  it('holds every kernel even if one has a verdict, and ends with 1', async () => {
    const run: Fake['run'] = async (scenario) =>
      scenario.kernel === 'v4.10'
        ? resultOf(scenario, { outcome: 'violation', verdicts: [verdict] })
        : resultOf(scenario);
    const { status, stdout } = await kmemlab(['compare', 'a', ...two, '--out', out, '--json'], { run });
    expect(status).toBe(1);
    expect(JSON.parse(stdout).results.map((r: { outcome: string }) => r.outcome)).toEqual(['violation', 'ok']);
  });

  it('lets a failure outrank a verdict', async () => {
    const run: Fake['run'] = async (scenario) => {
      if (scenario.kernel === 'v4.10') return resultOf(scenario, { outcome: 'violation', verdicts: [verdict] });
      throw new Error('broken');
    };
    const { status, stdout } = await kmemlab(['compare', 'a', ...two, '--out', out, '--json'], { run });
    expect(status).toBe(3);
    expect(JSON.parse(stdout).results).toHaveLength(2);
  });
});

describe('list', () => {
  it('shows one topic with details, and all topics in short', async () => {
    const one = await kmemlab(['list', 'experiments']);
    expect(one.stdout).toBe('experiments\n  one-of-experiments  A summary\n      loops 1..65000\n');
    const all = await kmemlab(['list']);
    expect(all.stdout).toContain('one-of-verdicts  A summary\n');
    expect(all.stdout).toContain('profiles\n  none\n');
    expect(all.stdout).not.toContain('one-of-handlers');
    expect(all.stdout).toContain('kmemlab list handlers');
  });

  it('prints documents', async () => {
    const one = JSON.parse((await kmemlab(['list', 'kernels', '--json'])).stdout);
    expect(one).toMatchObject({ schema: 'kmemlab.list/1', topic: 'kernels', entries: [{ name: 'one-of-kernels' }] });
    const all = JSON.parse((await kmemlab(['list', '--json'])).stdout);
    const topics = ['experiments', 'kernels', 'patches', 'verdicts', 'profiles', 'functions', 'handlers'];
    expect(Object.keys(all.topics)).toEqual(topics);
  });
});

describe('progress and colour', () => {
  const run: Fake['run'] = async (scenario, { onProgress }) => {
    onProgress?.({ phase: 'create', done: 0, total: 10_000, modelNs: 0, events: 0 });
    onProgress?.({ phase: 'create', done: 1000, total: 10_000, modelNs: 5_000_000, events: 1 });
    return resultOf(scenario);
  };

  it('shows phase, rate and time left on a terminal, and clears the line', async () => {
    let time = 0;
    const now = () => {
      time += 2000;
      return new Date(time);
    };
    const { stderr } = await kmemlab(['run', 'a', '--out', out], { run }, { stderr: capture(true), now });
    expect(stderr).toContain('create  1,000/10,000  500/s  18 s left  5.00 ms model time');
    expect(stderr.endsWith(`\r\u001b[Krun directory: ${out}\n`)).toBe(true);
  });

  it('shows none elsewhere', async () => {
    const { stderr } = await kmemlab(['run', 'a', '--out', out], { run });
    expect(stderr).toBe(`run directory: ${out}\n`);
  });

  it('colours on a terminal unless NO_COLOR is set', async () => {
    const colored = await kmemlab(['run', 'a', '--out', out], {}, { stdout: capture(true) });
    expect(colored.stdout).toContain('\u001b[');
    const env = { NO_COLOR: '1' };
    const plain = await kmemlab(['run', 'a', '--out', out], {}, { stdout: capture(true), env });
    expect(plain.stdout).not.toContain('\u001b[');
  });
});
