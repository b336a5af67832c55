import { describe, expect, it } from 'vitest';
import { kickCounters, sampleResult } from '../../fixtures/sample-result.js';
import { renderCsv } from './csv.js';
import { renderMarkdown } from './markdown.js';
import { renderReport, reportCharts } from './report.js';
import type { FoundSchedule } from './types.js';

const patched = sampleResult({
  kernel: 'v4.10+avoid-kick-on-create',
  counters: kickCounters(0, { caches: { created: 300, destroyed: 0, live: 430, dead: 0 } }),
});
const two = [sampleResult(), patched];

const schedule: FoundSchedule = {
  kernel: 'v4.10+never-kick',
  experiment: 'tune-slabinfo',
  verdict: { class: 'use-after-free', id: 'SLAB-4' },
  interleaving: {
    cpus: 4,
    rows: [
      { kind: 'step', time: 10, cpu: 0, text: 'frees' },
      { kind: 'conflict', time: 2000, cpu: 3, text: 'stores <here>' },
    ],
  },
};

describe('renderReport', () => {
  it('says in its first sentence what the second kernel saves', () => {
    const page = renderReport({ results: two, schedules: [] });
    const [, headline = ''] = /<p class="headline">([^<]*)<\/p>/.exec(page) ?? [];
    expect(headline).toContain('0 kicks instead of 300');
    expect(headline).toContain('2,100 fewer IPIs');
  });

  it('needs nothing from elsewhere, and runs nothing', () => {
    const page = renderReport({ results: two, schedules: [schedule] });
    expect(page).toContain(`default-src 'none'`);
    expect(page).not.toMatch(/<script|<link|<img|\bsrc=|\bhref="(?!#)|url\(/);
  });

  it('shows the schedule of a verdict with one column for each CPU that took part', () => {
    const page = renderReport({ results: [], schedules: [schedule] });
    expect(page).toContain('tune-slabinfo on v4.10+never-kick: use-after-free (SLAB-4)');
    expect(page).toContain('>CPU0<');
    expect(page).toContain('>CPU3<');
    expect(page).not.toContain('>CPU1<');
    expect(page).toContain('✗ stores &lt;here&gt;');
  });

  it('names every part in its contents, each once', () => {
    const page = renderReport({ results: two, schedules: [schedule] });
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
    expect(targets).toEqual([
      'what-was-run',
      'verdicts',
      'figures',
      'pictures',
      'findings',
      'words',
      'to-run-it-again',
      'in-full',
    ]);
    for (const id of targets) expect(page.split(` id="${id}"`)).toHaveLength(2);
  });

  it('says what the experiment and the kernels are, and explains the words that it uses', () => {
    const kernels = [{ name: 'v4.10', summary: 'as it was', why: 'nobody knew', source: 'models Linux 4.10.17' }];
    const page = renderReport({ results: two, schedules: [], about: { experiment: 'a script', kernels } });
    expect(page).toContain('avoid-ipis: a script');
    expect(page).toContain('<dt>v4.10</dt><dd>As it was. Models Linux 4.10.17.</dd>');
    expect(page).toContain('<p>Why v4.10: nobody knew.</p>');
    expect(page).toContain('<dt>IPI</dt>');
    expect(page).not.toContain('<dt>host time</dt>');
  });

  it('draws the steps of a verdict of a run, one column per CPU, once for all seeds', () => {
    const steps = [
      { cpu: 2, task: 'script', function: 'freeArraySet', time: 100, access: 'frees' },
      { cpu: 7, task: 'files/1', function: 'cacheAllocRefill', time: 300, access: 'stores' },
    ];
    const verdict = { class: 'use-after-free', id: 'SLAB-4', object: 'array', steps };
    const results = [1, 2].map((seed) => sampleResult({ seed, outcome: 'violation', verdicts: [verdict] }));
    const charts = reportCharts({ results, schedules: [] }).filter(({ name }) => name.startsWith('verdict'));
    expect(charts).toHaveLength(1);
    expect(charts[0]?.svg).toMatch(
      />CPU2<[\s\S]*>CPU7<[\s\S]*script: freeArraySet: frees[\s\S]*files\/1: cacheAllocRefill: stores/,
    );
  });

  it('puts the findings of all seeds of a kernel into one row', () => {
    const results = [4, 6].map((count, n) =>
      sampleResult({ seed: n + 1, findings: [{ class: 'zombie-memcg', count, pinnedBy: { negativeDentry: count } }] }),
    );
    const page = renderReport({ results, schedules: [] });
    expect(page).toContain('<td>zombie-memcg</td><td>4 to 6</td><td>4 to 6 negativeDentry</td>');
  });

  it('escapes what a run has brought along', () => {
    const kernel = 'v4.10+<b>"x"';
    const detail = '</style><script>alert(1)</script>';
    const verdict = { class: 'leak', id: 'leak', object: '<i>', steps: [], detail };
    const page = renderReport({
      results: [sampleResult({ kernel, outcome: 'violation', verdicts: [verdict] })],
      schedules: [],
    });
    expect(page).not.toMatch(/<script|<b>|<i>/);
  });

  it('puts nothing into a picture that is 0 everywhere', () => {
    const names = reportCharts({ results: [patched], schedules: [] }).map(({ name }) => name);
    expect(names).not.toContain('ipis-per-cpu');
    expect(names).toContain('zombies');
  });
});

describe('renderMarkdown and renderCsv', () => {
  it('hold the figures of every kernel, and the command that runs it again', () => {
    const text = renderMarkdown(two);
    expect(text).toContain('| IPIs sent | 2,100 | 0 | 0x |');
    expect(text).toContain('kmemlab compare avoid-ipis --kernel v4.10 --kernel v4.10+avoid-kick-on-create');
    const lines = renderCsv(two).trim().split('\n');
    expect(lines).toContain('avoid-ipis,v4.10,slab nonpreempt hz=250,sim,2,4,1,ok,ipis,count,,2100');
    expect(new Set(lines.map((line) => line.split(',').length))).toEqual(new Set([12]));
  });

  it('name the schedule strategy and the isolated CPUs in the command', () => {
    const machine = { nodes: 2, cpusPerNode: 4, isolcpus: [3, 7] };
    const text = renderMarkdown([sampleResult({ machine, settings: { strategy: 'random' } })]);
    expect(text).toMatch(/kmemlab run avoid-ipis .*--strategy random --isolcpus 3,7 /);
  });

  it('run the scenario file again where no option says what it says, and say so', () => {
    const text = renderMarkdown([sampleResult({ settings: { costs: { 'slab.create': 1 } } })]);
    expect(text).toMatch(/kmemlab run scenario.yaml .*\n\nscenario.yaml is in the run directory: it has the costs,/);
    const patched = renderMarkdown([sampleResult({ settings: { patchFiles: [{ name: 'mine', sha256: '' }] } })]);
    expect(patched).toMatch(/--patch mine.mjs .*\n\nA file with a patch of one’s own is called after the patch here./);
    expect(renderMarkdown(two).trim().split('\n').at(-1)).toMatch(/^ {4}kmemlab compare avoid-ipis /);
  });

  it('say of several seeds which did not finish, and what one did that ended', () => {
    const failure = { kind: 'interrupted', detail: 'in phase create' };
    const text = renderMarkdown([sampleResult({ outcome: 'incomplete', failure }), sampleResult({ seed: 2 })]);
    expect(text).toContain('v4.10 did not finish in 1 of 2 runs (interrupted).');
    expect(text).toContain('In avoid-ipis, v4.10 created 300 caches');
  });
});
