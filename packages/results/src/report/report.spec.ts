import { describe, expect, it } from 'vitest';
import { kickCounters, sampleResult } from '../../fixtures/sample-result.js';
import { renderCsv } from './csv.js';
import { renderMarkdown } from './markdown.js';
import { type FoundSchedule, renderReport, reportCharts } from './report.js';

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
    expect(page).not.toMatch(/<script|<link|<img|\bsrc=|\bhref=|url\(/);
  });

  it('shows the schedule of a verdict with one column for each CPU that took part', () => {
    const page = renderReport({ results: [], schedules: [schedule] });
    expect(page).toContain('tune-slabinfo on v4.10+never-kick: use-after-free (SLAB-4)');
    expect(page).toContain('>CPU0<');
    expect(page).toContain('>CPU3<');
    expect(page).not.toContain('>CPU1<');
    expect(page).toContain('✗ stores &lt;here&gt;');
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
    expect(lines).toContain('avoid-ipis,v4.10,slab nonpreempt hz=250,sim,2,4,1,ipis,count,,2100');
    expect(new Set(lines.map((line) => line.split(',').length))).toEqual(new Set([11]));
  });
});
