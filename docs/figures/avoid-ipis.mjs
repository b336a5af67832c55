// Makes docs/figures/avoid-ipis.csv and avoid-ipis.svg: `node docs/figures/avoid-ipis.mjs` after the build, about a minute.
import { writeFileSync } from 'node:fs';
import { resolveScenario, runScenario } from '@kmemlab/experiments';
import { lineChart } from '@kmemlab/results';

const KERNELS = ['v4.10', 'v4.10+avoid-kick-on-create'];
const CPUS = [1, 2, 4, 8, 16];
const LOOPS = 100;
/** Function call interrupts of all CPUs while a real 4.10.17 made the caches of 100 memcgs, under an emulator, by CPUs. */
const MEASURED = { 1: 0, 2: 300, 4: 900, 8: 2100, 16: 4500 };

/** Function call interrupts of all CPUs until all caches had been made. */
async function interrupts(kernel, cpusPerNode) {
  const params = { loops: String(LOOPS) };
  const request = { experiment: 'avoid-ipis', engine: 'sim', nodes: 1, cpusPerNode, kernel, params };
  const { outcome, counters } = await runScenario(await resolveScenario(request));
  if (outcome !== 'ok') throw new Error(`${kernel}: ${outcome}`);
  process.stderr.write(`${kernel}, ${cpusPerNode} CPUs\n`);
  return counters.interrupts.CAL.reduce((sum, count) => sum + count, 0);
}

const rows = [];
for (const kernel of KERNELS) {
  for (const cpus of CPUS) rows.push({ kernel, cpus, calls: await interrupts(kernel, cpus) });
}
for (const cpus of CPUS) rows.push({ kernel: '4.10.17 measured', cpus, calls: MEASURED[cpus] });

const svg = lineChart({
  title: 'Interrupts to create the caches of 100 memcgs',
  description:
    'Function call interrupts of all CPUs against CPUs: 300 times one less than the number of CPUs in v4.10, as measured on a real kernel; none with the patch.',
  x: { label: 'CPUs' },
  y: { label: 'function call interrupts' },
  series: [...KERNELS, '4.10.17 measured'].map((name) => ({
    name,
    ...(name.endsWith('measured') && { reference: true }),
    points: rows.filter(({ kernel }) => kernel === name).map(({ cpus, calls }) => ({ x: cpus, y: calls })),
  })),
});
const table = rows.map(({ kernel, cpus, calls }) => [kernel, cpus, calls].join());
writeFileSync(new URL('avoid-ipis.csv', import.meta.url), `kernel,cpus,calls\n${table.join('\n')}\n`);
writeFileSync(new URL('avoid-ipis.svg', import.meta.url), svg);
