// Makes docs/figures/reaping.csv and reaping.svg: `node docs/figures/reaping.mjs` after the build, about two minutes.
import { writeFileSync } from 'node:fs';
import { resolveScenario, runScenario } from '@kmemlab/experiments';
import { callCount, lineChart } from '@kmemlab/results';

const MEMCGS = 16;
const CPUS = 4;
const SECOND = 1e6;
const PERIODS = [1, 10, 60];
/** Seconds between rmdir and the last free: where in a period that falls is chance. */
const WAITS = [33.2, 41.4, 49.6, 57.8];

/** One run: IPIs from rmdir to a minute and a half after the free, and pages held without an object, times seconds. */
async function reaped(config, period, wait) {
  const { outcome, phases, emptied } = await runScenario(
    await resolveScenario({
      experiment: 'empty-cache',
      engine: 'sim',
      nodes: 1,
      cpusPerNode: CPUS,
      config,
      kernel: `v3.14+no-destroy-on-last-page:reaper=periodic:period=${period}`,
      params: { memcgs: String(MEMCGS), freeAfter: String(Math.round(wait * SECOND)), observe: '90000' },
    }),
  );
  if (outcome !== 'ok') throw new Error(`${config}, ${period} s: ${outcome}`);
  const after = [phases.remove, phases.free, phases.observe];
  const sum = (value) => after.reduce((total, phase) => total + value(phase), 0);
  process.stderr.write('.');
  return {
    ipis: sum(({ ipi }) => ipi.sent),
    shrinks: sum((phase) => callCount(phase, 'kmem_cache_shrink')),
    pageSeconds: emptied.pageSeconds,
    gone: emptied.goneAfterNs / 1e9,
  };
}

const rows = [];
const points = { slab: [], slub: [] };
for (const config of ['slab', 'slub']) {
  for (const period of PERIODS) {
    const runs = [];
    for (const wait of WAITS) runs.push({ wait, ...(await reaped(config, period, wait)) });
    for (const { wait, ipis, shrinks, pageSeconds, gone } of runs) {
      rows.push([config, period, wait, ipis, shrinks, pageSeconds.toFixed(2), gone.toFixed(2)].join());
    }
    const mean = (field) => runs.reduce((total, run) => total + run[field], 0) / runs.length;
    points[config].push({ period, x: mean('shrinks'), y: mean('pageSeconds') });
  }
}
process.stderr.write('\n');
const svg = lineChart({
  title: 'What reaping every 60, 10 or 1 s (left to right) costs and saves',
  description:
    'Page-seconds held without an object against shrinks, each of which interrupts all CPUs with SLAB: periods of 1, 10 and 60 seconds.',
  x: { label: `shrinks from rmdir on (SLAB: ${CPUS - 1} IPIs each)`, scale: 'log10' },
  y: { label: 'pages × seconds held after the last free', scale: 'log10' },
  series: ['slab', 'slub'].map((config) => ({
    name: config.toUpperCase(),
    points: points[config].map(({ x, y }) => ({ x, y })).reverse(),
  })),
});
const head = 'allocator,periodSeconds,freeAfterSeconds,ipis,shrinks,pageSeconds,goneAfterSeconds';
writeFileSync(new URL('reaping.csv', import.meta.url), `${head}\n${rows.join('\n')}\n`);
writeFileSync(new URL('reaping.svg', import.meta.url), svg);
