import { calibrate, chooseBroker } from '@kmemlab/coordinator';
import { Pair, twoCores } from '../../packages/coordinator/dist/floors/floors.js';
import { combine } from '../../packages/coordinator/dist/floors/summary.js';
import { figures, KICKED } from './live.mjs';

const EFFORT = {
  quick: { repeats: 3, rounds: 500, budgetMs: 250, warmUpMs: 1_200 },
  thorough: { repeats: 5, rounds: 4000, budgetMs: 1000, warmUpMs: 20_000 },
};
/** A machine is warm once a portion of its warm-up is not faster than the best before by this share. */
const FASTER = 0.05;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const rounded = (value) => Number(value.toFixed(2));

/**
 * Let each CPU's thread compile what it runs: its engine sees some ten thousand interrupts before it does, and shares a core with
 * those of the others. Ends when two portions in a row have brought nothing, or after `ms`.
 */
async function warmUp(machine, ms) {
  const end = performance.now() + ms;
  let best = Number.POSITIVE_INFINITY;
  for (let idle = 0; idle < 2 && performance.now() < end; ) {
    const { medianNs } = await machine.measure({ rounds: 4000, budgetMs: Math.min(1_000, ms / 4) });
    idle = medianNs < (1 - FASTER) * best ? 0 : idle + 1;
    best = Math.min(best, medianNs);
  }
}

/** Repeats of the floor and of the figure by turns, once the machine is warm; the ratio is the median of each turn's. */
async function paired(figure, pair, place, { repeats, warmUpMs, ...effort }) {
  const machine = await figure.open(place);
  const turns = [];
  try {
    await warmUp(machine, warmUpMs);
    for (let turn = 0; turn < repeats; turn++) {
      const floors = [];
      for (const order of figure.floor) floors.push(await pair.measure({ ...order, ...effort }));
      const ours = await machine.measure(effort);
      turns.push({ ours, floorNs: floors.reduce((sum, floor) => sum + floor.medianNs, 0) });
    }
  } finally {
    await machine.close();
  }
  const ratio = rounded(median(turns.map(({ ours, floorNs }) => ours.medianNs / floorNs)));
  return {
    ...combine(turns.map(({ ours }) => ours)),
    floorNs: median(turns.map(({ floorNs }) => floorNs)),
    ratio,
    ...(figure.limit && { limit: figure.limit, within: ratio <= figure.limit }),
  };
}

function floorRows({ pingPong, broadcast, hop, nats, crossNode }) {
  const wide = Object.entries(broadcast).filter(([responders]) => responders !== '1');
  const named = [
    ['ping-pong, 64 bytes', pingPong],
    ...wide.map(([responders, floor]) => [`broadcast to ${responders}`, floor]),
    ['waitAsync hop', hop],
    ['NATS, publish to publish', nats],
    ['cross-node chain', crossNode],
  ];
  return named.map(([name, floor]) => ({ name, ...floor, ratio: rounded(floor.medianNs / pingPong.medianNs) }));
}

/** This computer's floors, and each figure of the live machine beside its own. `pin` gives each node a core. */
export async function live({ quick, pin, env }) {
  const broker = await chooseBroker({ env });
  try {
    const floors = await calibrate({ quick, pin, broker, responders: KICKED });
    const pair = await Pair.start(broker, pin ? twoCores() : undefined);
    const rows = [];
    try {
      for (const figure of figures) {
        const measured =
          figure.open && (await paired(figure, pair, { broker, pin }, EFFORT[quick ? 'quick' : 'thorough']));
        rows.push({ name: figure.name, ...(measured ?? { pending: true }) });
      }
    } finally {
      await pair.close();
    }
    return { pinned: pin, broker: broker.describe, floors: floorRows(floors), figures: rows };
  } finally {
    await broker.close();
  }
}
