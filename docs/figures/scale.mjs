// Makes docs/figures/scale.csv and scale.svg: `node docs/figures/scale.mjs` after the build, some minutes.
// `--most 512` stops at a smaller machine and prints the table only.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { costProfiles, profileModel } from '@kmemlab/machine';
import { lineChart } from '@kmemlab/results';

const NODES = [1, 4, 16, 64];
const SHOWN_NODES = [1, 64];
const MARKED_CPUS = [2, 16, 128, 1024];
const MOST_CPUS = 4096;
/** Published for bare metal: the first remote CPU, ns. */
const FIRST_REMOTE = [560, 780];
const NAMES = { bareMetal: 'bare metal', guest: 'guest' };
const PARTS = ['ns', 'send', 'delivery', 'irqOffWait', 'handler', 'ack'];

const given = process.argv.indexOf('--most');
const most = given < 0 ? MOST_CPUS : Number(process.argv[given + 1]);

/** One kick in a process of its own, so that the memory of a large machine is given back at once. */
function kick(machine) {
  const script = fileURLToPath(new URL('kick.mjs', import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [script, JSON.stringify(machine)], { encoding: 'utf8' }));
}

/** Every machine of the figure: with one node at both ends of the constants' ranges, too. */
function measured() {
  const rows = [];
  for (const profile of Object.keys(costProfiles)) {
    for (const nodes of NODES) {
      for (let cpus = Math.max(2, nodes); cpus <= most; cpus *= 2) {
        const parts = kick({ profile, nodes, cpus });
        const at = (end) => (nodes === 1 ? kick({ profile, nodes, cpus, end }).ns : undefined);
        rows.push({ profile, nodes, cpus, parts, low: at('low'), high: at('high') });
        process.stderr.write(`${profile} ${nodes} nodes, ${cpus} CPUs: ${parts.ns} ns\n`);
      }
    }
  }
  return rows;
}

function csv(rows) {
  const head = ['profile', 'nodes', 'cpus', ...PARTS.map((part) => `${part === 'ns' ? 'kick' : part}_ns`)];
  const lines = rows.map(({ profile, nodes, cpus, parts, low, high }) =>
    [profile, nodes, cpus, ...PARTS.map((part) => parts[part]), low ?? '', high ?? ''].join(),
  );
  return `${[[...head, 'low_ns', 'high_ns'].join(), ...lines].join('\n')}\n`;
}

/** What the published costs of a target add up to, where every target costs the same on top of the first. */
function published(profile) {
  const [low, high] = profileModel(profile)['ipi.send'].range;
  return MARKED_CPUS.map((cpus) => {
    const range = profile === 'bareMetal' ? FIRST_REMOTE : [low, high];
    const [least, greatest] = [range[0] + low * (cpus - 2), range[1] + high * (cpus - 2)];
    return { x: cpus, y: (least + greatest) / 2, low: least, high: greatest };
  });
}

function svg(rows) {
  const series = Object.keys(costProfiles).flatMap((profile) =>
    SHOWN_NODES.map((shown) => ({
      name: `${NAMES[profile]}, ${shown === 1 ? '1 node' : `${shown} nodes`}`,
      points: rows
        .filter((row) => row.profile === profile && row.nodes === shown)
        .map(({ cpus, parts, low = parts.ns, high = parts.ns }) => ({ x: cpus, y: parts.ns, low, high })),
    })),
  );
  const reference = {
    name: 'published: first target, and each further one, added up',
    reference: true,
    points: Object.keys(costProfiles).flatMap(published),
  };
  return lineChart({
    title: 'One kick_all_cpus_sync on an idle machine',
    description:
      'Model time of one kick against the number of CPUs, 2 to 4096, on bare metal and in a guest, with 1 and 64 NUMA nodes; it grows in proportion to the CPUs, and nodes hardly matter.',
    x: { label: 'CPUs', scale: 'log2' },
    y: { label: 'time of one kick (model time)', unit: 'ns', scale: 'log10' },
    series: [...series, reference],
  });
}

const rows = measured();
if (most < MOST_CPUS) process.stdout.write(csv(rows));
else {
  writeFileSync(new URL('scale.csv', import.meta.url), csv(rows));
  writeFileSync(new URL('scale.svg', import.meta.url), svg(rows));
}
