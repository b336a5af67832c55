// Makes docs/figures/zombies.csv and zombies.svg: `node docs/figures/zombies.mjs` after the build, about a minute.
import { writeFileSync } from 'node:fs';
import { resolveScenario, runScenario } from '@kmemlab/experiments';
import { lineChart } from '@kmemlab/results';

const KERNELS = ['v3.14', 'v3.14+reparent-2014', 'v4.10', 'v4.12', 'v5.2', 'v5.3', 'v5.9'];
const GENERATIONS = 100;

/** How many removed memcgs exist, sample by sample, on one node of 4 CPUs. */
async function dying(kernel) {
  const params = { generations: String(GENERATIONS) };
  const scenario = await resolveScenario({ experiment: 'zombies', engine: 'sim', nodes: 1, kernel, params });
  const { outcome, series, elapsed } = await runScenario(scenario);
  if (outcome !== 'ok') throw new Error(`${kernel}: ${outcome}`);
  process.stderr.write(`${kernel}: ${Math.round(elapsed.hostNs / 1e9)} s\n`);
  return { kernel, samples: series };
}

const runs = [];
for (const kernel of KERNELS) runs.push(await dying(kernel));

const rows = runs.flatMap(({ kernel, samples }) =>
  samples.map(({ phase, generation, dying, caches }) => [kernel, phase, generation, dying, caches].join()),
);
const svg = lineChart({
  title: 'Removed memcgs that still exist',
  description:
    'Dying memcgs against generations: v3.14, v4.10, v4.12 and v5.2 rise by one with each generation, v3.14+reparent-2014, v5.3 and v5.9 stay at a few or none.',
  x: { label: 'generations' },
  y: { label: 'dying memcgs' },
  series: runs.map(({ kernel, samples }) => ({
    name: kernel,
    points: samples
      .filter(({ phase }) => phase === 'generations')
      .map(({ generation, dying }) => ({ x: generation, y: dying })),
  })),
});
writeFileSync(new URL('zombies.csv', import.meta.url), `kernel,phase,generation,dying,caches\n${rows.join('\n')}\n`);
writeFileSync(new URL('zombies.svg', import.meta.url), svg);
