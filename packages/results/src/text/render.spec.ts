import { describe, expect, it } from 'vitest';
import { liveResult, patchedResult, sampleResult } from '../../fixtures/sample-result.js';
import { compareResults } from '../compare.js';
import { emptyCounters, type RunResult } from '../schema.js';
import { formatBytes, formatCount, formatNs, formatRate, formatRatio } from './format.js';
import { bar } from './paper.js';
import { renderCompare } from './render-compare.js';
import { renderRun } from './render-run.js';
import { table } from './table.js';

const plain = { width: 100, color: false, unicode: true };

const violation = (): RunResult =>
  sampleResult({
    kernel: 'v4.10+never-kick',
    outcome: 'violation',
    verdicts: [
      {
        class: 'use-after-free',
        id: 'V0-b',
        object: 'array_cache n0:12.3',
        steps: [
          { cpu: 0, task: 'writer', function: 'do_tune_cpucache', access: 'frees', time: 1_234_567 },
          { cpu: 1, task: 'looper/1', function: '___cache_free', access: 'stores into', time: 1_234_999 },
        ],
      },
    ],
  });

describe('numbers', () => {
  it.each([
    [formatCount(1_234_567), '1,234,567'],
    [formatCount(-1234), '-1,234'],
    [formatCount(4.774), '4.77'],
    [formatCount(0.0101), '0.010'],
    [formatRate(4.774), '4.774'],
    [formatRate(1234.5), '1,234.500'],
    [formatNs(999), '999 ns'],
    [formatNs(12_345), '12.3 µs'],
    [formatNs(12_345, false), '12.3 us'],
    [formatNs(999_960), '1.00 ms'],
    [formatNs(1_500_000_000), '1.50 s'],
    [formatBytes(1536), '1.50 KiB'],
    [formatRatio(undefined), '-'],
    [formatRatio(0.048123), '0.048x'],
    [formatRatio(1), '1.00x'],
  ])('%s is %s', (actual, expected) => expect(actual).toBe(expected));
});

describe('interruptions per isolated CPU', () => {
  const of = (cpu: number, CAL: number) => ({
    ...{ cpu, CAL, RES: 1, LOC: 250, softirqs: 3, contextSwitches: 2, stolenNs: 4500 },
  });
  const isolated = (...CAL: number[]) => {
    const { machine, counters } = sampleResult();
    const cpus = CAL.map((_, index) => index + 2);
    return sampleResult({
      machine: { ...machine, isolcpus: cpus },
      counters: { ...counters, isolated: CAL.map((n, index) => of(index + 2, n)) },
    });
  };

  it('have a row for each CPU and one for all', () => {
    const text = renderRun(isolated(300, 299), plain);
    expect(text).toContain('CPUs 2,3 isolated');
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.startsWith('Interruptions per isolated CPU'));
    expect(lines.slice(at + 1, at + 5)).toEqual([
      '        CAL  RES  LOC  softirqs  switches  time taken',
      '  CPU2  300    1  250         3         2     4.50 µs',
      '  CPU3  299    1  250         3         2     4.50 µs',
      '  all   599    2  500         6         4     9.00 µs',
    ]);
  });

  it('are compared between kernels', () => {
    const without = { ...isolated(0, 0), kernel: 'v4.10+avoid-kick-on-create' };
    const { quantities } = compareResults([isolated(300, 300), without]);
    const calls = quantities.find(({ key }) => key === 'isolatedCal');
    expect(calls?.values.map((spread) => spread?.mean)).toEqual([600, 0]);
    expect(calls?.values[1]?.ratio).toBe(0);
  });

  it('are not spoken of without isolated CPUs', () => {
    expect(renderRun(sampleResult(), plain)).not.toContain('isolated');
  });
});

describe('table', () => {
  const columns = [
    { title: 'name', align: 'left', wraps: true },
    { title: 'n', align: 'right' },
    { title: 'extra', align: 'right', expendable: 1 },
  ] as const;
  const rows = [{ cells: ['a rather long name that needs room', '1', '23,456'] }, { cells: ['b', '1,000', '7'] }];

  it('aligns columns and ends no line in a space', () => {
    expect(table(plain, columns, rows)).toEqual([
      '  name                                    n   extra',
      '  a rather long name that needs room      1  23,456',
      '  b                                   1,000       7',
    ]);
  });

  it('leaves columns out and wraps instead of exceeding the width, and says so', () => {
    const lines = table({ ...plain, width: 34 }, columns, rows);
    expect(Math.max(...lines.slice(0, -1).map((line) => line.length))).toBeLessThanOrEqual(34);
    expect(lines.at(-1)).toContain('left out for want of width: extra');
  });
});

describe('bar', () => {
  it('is proportional, and shows anything above zero', () => {
    expect(bar(plain, 50, 100, 10)).toBe('█████');
    expect(bar(plain, 1, 100_000, 10)).toBe('▏');
    expect(bar({ ...plain, unicode: false }, 1, 100_000, 10)).toBe('#');
    expect(bar(plain, 0, 100, 10)).toBe('');
  });
});

describe('renderRun', () => {
  it("shows the mail's table with the run and the published figures", () => {
    const text = renderRun(sampleResult(), plain);
    expect(text).toMatch(/this run\s+CPU0, as the script reads it\s+128\s+228\s+\+100\s+1\n/);
    expect(text).toMatch(/all CPUs, after settling\s+\+2,100\s+21\n/);
    expect(text).toMatch(/CPU0, unpatched, 10,000 loops\s+1,192\s+48,933\s+\+47,741\s+4\.774\n/);
    expect(text).toMatch(/CPU0, patched, 10,000 loops\s+1,069\s+1,170\s+\+101\s+0\.010\n/);
    expect(text.replaceAll(/\s+/g, ' ')).toContain('it saw +100 on CPU0, and +300 had arrived');
  });

  it('shows latency, phases, boot, root cache and findings', () => {
    const text = renderRun(sampleResult(), plain);
    expect(text).toContain('Latency of kick_all_cpus_sync, model time');
    expect(text).toMatch(/slowest: 12\.6 µs model time, sent by CPU5, waiting for CPU3 /);
    expect(text).toMatch(/remove\s+0\s+0\s+4,200\s+600\s+288\s+0\s+96\s+4/);
    expect(text).toContain('boot: 128 kicks before the experiment began');
    expect(text).toContain('one root cache created after boot: 1 kick, 7 IPIs');
    expect(text).toContain('4 zombie-memcg, pinned by 4 negativeDentry');
    expect(text).toContain('slab_mutex hold');
  });

  it('puts verdicts above every figure, with both steps', () => {
    const text = renderRun(violation(), plain);
    expect(text).toContain('VERDICT use-after-free (V0-b) on array_cache n0:12.3');
    expect(text).toMatch(/1\s+CPU0\s+writer\s+do_tune_cpucache \(frees\)\s+1\.23 ms\s+1,234,567 ns/);
    expect(text).toMatch(/2\s+CPU1\s+looper\/1\s+___cache_free \(stores into\)\s+1\.23 ms\s+1,234,999 ns/);
    expect(text.indexOf('VERDICT')).toBeLessThan(text.indexOf('IPIs per CPU'));
    expect(text.indexOf('VERDICT')).toBeLessThan(text.indexOf('Function call interrupts'));
  });

  it('names the last legal owner of the object, and the kernel stack of each step', () => {
    const [verdict] = violation().verdicts;
    const steps = verdict?.steps.map((step) => ({ ...step, stack: [step.function, 'do_syscall'] })) ?? [];
    const text = renderRun(
      sampleResult({ verdicts: verdict ? [{ ...verdict, owner: 'writer on CPU0', steps }] : [] }),
      plain,
    );
    expect(text).toContain('last legal owner: writer on CPU0');
    expect(text).toContain('stack 2  ___cache_free < do_syscall');
  });

  it('compares tune-slabinfo with the law', () => {
    const counters = emptyCounters(8);
    const calls = { ...counters.calls, kick_all_cpus_sync: 1100, synchronize_sched: 2200 };
    const text = renderRun(
      sampleResult({
        experiment: 'tune-slabinfo',
        params: { writes: 100, children: 10 },
        counters: { ...counters, calls, ipi: { ...counters.ipi, sent: 7700 } },
      }),
      plain,
    );
    expect(text).toMatch(/kick_all_cpus_sync\s+1,100\s+11\s+1\+m = 11/);
    expect(text).toMatch(/synchronize_sched\s+2,200\s+22\s+\(1\+m\) x nodes = 22/);
    expect(text).toMatch(/IPIs sent\s+7,700\s+77\s+\(1\+m\) x \(CPUs-1\) = 77/);
  });

  it('has one row per node on a large machine', () => {
    const text = renderRun(
      sampleResult({ machine: { nodes: 4, cpusPerNode: 16 }, counters: emptyCounters(64) }),
      plain,
    );
    expect(text).toContain('node 3 (16 CPUs)');
    expect(text).not.toContain('CPU17');
  });

  it('is pure ASCII without unicode, and has escape codes only with colour', () => {
    const ascii = renderRun(violation(), { ...plain, unicode: false });
    expect([...ascii].every((character) => character.charCodeAt(0) < 128)).toBe(true);
    expect(ascii).not.toContain('\u001b');
    const colored = renderRun(violation(), { ...plain, color: true });
    expect(colored).toContain('\u001b[31mVERDICT');
    const [first, ...rest] = colored.split('\u001b');
    const stripped = [first, ...rest.map((part) => part.replace(/^\[\d+m/, ''))].join('');
    expect(stripped).toBe(renderRun(violation(), plain));
  });

  it('does not break on a result that has only its header', () => {
    const bare = sampleResult({
      machine: { nodes: 1, cpusPerNode: 1 },
      counters: emptyCounters(1),
      phases: {},
      durations: {},
      findings: [],
      outcome: 'failed',
      failure: { kind: 'disk-full', detail: '/x/result.json' },
    });
    const { script: _, slowestKick: __, rootCache: ___, memory: ____, ...rest } = bare;
    expect(renderRun(rest, plain)).toMatch(/^avoid-ipis on v4\.10: failed \(disk-full: \/x\/result\.json\)\n/);
  });
});

describe('renderCompare', () => {
  it('shows kernels side by side, the sentence, and the mail', () => {
    const text = renderCompare(compareResults([sampleResult(), patchedResult()]), plain);
    expect(text).toMatch(/ {2}v4\.10 {2}v4\.10\+avoid-kick-on-create {2}ratio\n/);
    expect(text).toMatch(/kick_all_cpus_sync\s+300\s+0\s+0x\n/);
    expect(text.replaceAll(/\s+/g, ' ')).toContain('creates the same 300 caches with 0 kicks instead of 300');
    expect(text).toContain('+47,741');
  });

  it('uses letters when names do not fit, and shows the spread over seeds', () => {
    const runs = [sampleResult(), patchedResult(), patchedResult({ seed: 2, rootCache: { kicks: 4, ipis: 0 } })];
    const text = renderCompare(compareResults(runs), { ...plain, width: 70 });
    expect(text).toContain('B = v4.10+avoid-kick-on-create: seeds 1 to 2: ok');
    expect(text).toMatch(/one root cache after boot: kicks\s+1\s+2 \[0\.\.4\]\s+2\.00x\n/);
  });

  it('names the broker of live runs, and warns beside their times if there are more CPUs than cores', () => {
    const text = renderCompare(compareResults([liveResult(), liveResult({ kernel: 'v4.10+x' })]), plain);
    expect(text).toContain('\n\nBroker: nats-server 2.10 on 127.0.0.1:4333 (nats-server)\n');
    expect(text).toContain('Counts and times\n  host-clock latencies show ordering and liveness, not cost');
    expect(text).toContain('one kick p50, host time');
    expect(text).not.toContain('model time');
  });

  it('stays within the width', () => {
    for (const width of [80, 100, 140]) {
      const text = renderCompare(compareResults([sampleResult(), patchedResult(), violation()]), { ...plain, width });
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(width);
    }
  });
});
