// Makes the pictures here that are taken from reports: `npm run build && node docs/figures/from-reports.mjs`, some seconds.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../packages/cli/bin/kmemlab.js', import.meta.url));
const here = mkdtempSync(join(tmpdir(), 'kmemlab-figures-'));

/** Runs the command. Those that find a verdict end with status 1. */
function kmemlab(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { cwd: here, encoding: 'utf8' });
  if (status !== 0 && status !== 1) throw new Error(`kmemlab ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Takes one picture of the report on a run directory or document. */
function picture(of, name, figure) {
  kmemlab('report', of, '--out', 'report.html', '--svg', 'pictures');
  copyFileSync(join(here, 'pictures', `${name}.svg`), fileURLToPath(new URL(figure, import.meta.url)));
}

kmemlab(
  'compare',
  'avoid-ipis',
  '--engine',
  'sim',
  '--kernel',
  'v4.10',
  '--kernel',
  'v4.10+avoid-kick-on-create',
  '--out',
  'first',
);
picture('first', 'ipis-per-cpu', 'tutorial-ipis-per-cpu.svg');

kmemlab('check', 'tune-slabinfo', '--kernel', 'v4.10+never-kick', '--save', 'race.json');
writeFileSync(join(here, 'shown.json'), kmemlab('replay', 'race.json', '--json'));
picture('shown.json', 'schedule-1', 'tune-slabinfo.svg');

kmemlab('run', 'sleeping-allocation', '--engine', 'sim', '--kernel', 'v3.14', '--out', 'mine');
picture('mine', 'verdict-1', 'sleeping-allocation.svg');

rmSync(here, { recursive: true });
