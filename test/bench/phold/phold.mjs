import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ACTORS = 1000;
/** Events per second that the deterministic machine's parts have to reach. */
const TARGET = 1_200_000;
const OURS = 'coroutines and event queue';

const source = (name) => fileURLToPath(new URL(name, import.meta.url));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Run one of the programs beside this file, which print ns of CPU time per event and the checksum. Null if there is no such command. */
function measured(command, args, events) {
  const { error, status, stdout, stderr } = spawnSync(command, [...args, ACTORS, events].map(String), {
    encoding: 'utf8',
  });
  if (error?.code === 'ENOENT') return null;
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${error?.message ?? stderr}`);
  const [nsPerEvent, checksum] = stdout.split(' ').map(Number);
  return { nsPerEvent, checksum };
}

/** Compile phold.cpp into `folder`; a command that does not exist if there is no g++. */
function compiled(folder) {
  const program = join(folder, 'phold');
  const { error, status, stderr } = spawnSync('g++', ['-O2', '-o', program, source('phold.cpp')], { encoding: 'utf8' });
  if (error === undefined && status !== 0) throw new Error(`g++ cannot compile phold.cpp: ${stderr}`);
  return program;
}

function row(name, turns, base) {
  if (turns.includes(null)) return { name, available: false };
  const nsPerEvent = median(turns.map((turn) => turn.nsPerEvent));
  return {
    name,
    available: true,
    eventsPerSecond: Math.round(1e9 / nsPerEvent),
    ratio: Number((base / nsPerEvent).toFixed(3)),
  };
}

/**
 * The same simulation of the same events three times over, each in a process of its own, by turns; medians of CPU time, which other load disturbs least. Each program sums up who acted, in order:
 * the sums must agree. `ratio` is a program's speed over ours.
 */
export function phold({ quick }) {
  const events = 500_000;
  const folder = mkdtempSync(join(tmpdir(), 'kmemlab-phold-'));
  try {
    const program = compiled(folder);
    const programs = {
      [OURS]: () => measured(process.execPath, [source('program.mjs')], events),
      'C++ priority_queue': () => measured(program, [], events),
      'Python heapq': () => measured('python3', [source('phold.py')], events),
    };
    const turns = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
    for (let turn = 0; turn < (quick ? 3 : 7); turn++) {
      for (const [name, run] of Object.entries(programs)) turns[name].push(run());
    }
    const sums = new Set(
      Object.values(turns)
        .flat()
        .flatMap((turn) => (turn === null ? [] : [turn.checksum])),
    );
    if (sums.size !== 1) throw new Error(`the PHOLD programs disagree: checksums ${[...sums].join(', ')}`);
    const base = median(turns[OURS].map(({ nsPerEvent }) => nsPerEvent));
    const rows = Object.entries(turns).map(([name, own]) => row(name, own, base));
    return { actors: ACTORS, events, target: TARGET, reached: 1e9 / base >= TARGET, rows };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
