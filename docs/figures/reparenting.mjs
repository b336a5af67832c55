// Makes docs/figures/reparenting.csv and reparenting.svg: `node docs/figures/reparenting.mjs` after the build, about a minute.
import { writeFileSync } from 'node:fs';
import { resolveScenario, runScenario } from '@kmemlab/experiments';
import { lineChart } from '@kmemlab/results';

const LAST = 12;

/** What is left with so many patches of the series: SLAB, 5 memcgs with 2 files each, and a task that was forked in each. */
async function withPatches(upto) {
  const params = { upto: String(upto), memcgs: '5', useHierarchy: '1', stacks: '1' };
  const request = { experiment: 'reparenting-2014', engine: 'sim', nodes: 1, cpusPerNode: 2, params };
  const { outcome, series, reparented } = await runScenario(await resolveScenario(request));
  if (outcome !== 'ok') throw new Error(`${upto}: ${outcome}`);
  const last = (phase) => series.findLast((sample) => sample.phase === phase);
  process.stderr.write(`${upto}\n`);
  return {
    upto,
    live: last('generations').dying,
    gone: last('unlink').dying,
    slabinfo: reparented.slabinfo,
  };
}

const rows = [];
for (let upto = 0; upto <= LAST; upto++) rows.push(await withPatches(upto));

const line = (name, of) => ({ name, points: rows.map((row) => ({ x: row.upto, y: of(row) })) });
const svg = lineChart({
  title: 'What the series of 2014 changes, patch by patch',
  description:
    'Against the number of patches: removed memcgs that stay while files live, 5 up to 10 patches and then 0; those that a stack keeps, 5 up to 8 and then 0; caches in slabinfo of the parent, 0 up to 10 and then 10.',
  x: { label: 'patches' },
  y: { label: 'memcgs, caches' },
  series: [
    line('memcgs that stay, files live', ({ live }) => live),
    line('memcgs that stay, files gone', ({ gone }) => gone),
    line('caches in slabinfo of the parent', ({ slabinfo }) => slabinfo),
  ],
});
const csv = rows.map(({ upto, live, gone, slabinfo }) => [upto, live, gone, slabinfo].join());
writeFileSync(
  new URL('reparenting.csv', import.meta.url),
  `patches,dying files live,dying files gone,caches in slabinfo\n${csv.join('\n')}\n`,
);
writeFileSync(new URL('reparenting.svg', import.meta.url), svg);
