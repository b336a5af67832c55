import type { Duration, FloorRatio, Floors, LiveDetails } from '@kmemlab/results';
import type { Scenario } from '../api.js';
import type { LiveObserved } from './observed.js';
import { type Reading, trafficBetween } from './reading.js';

/** The floor that a kick of all CPUs stands on: a broadcast within the node, or a round trip to another one if that is longer. */
function kickFloor({ broadcastNs, crossNodeNs }: Floors, nodes: number): number {
  return nodes === 1 ? broadcastNs : Math.max(broadcastNs, crossNodeNs ?? 0);
}

function ratiosOf(floors: Floors, nodes: number, durations: Readonly<Record<string, Duration>>) {
  const ratios: Record<string, FloorRatio> = {};
  const kick = durations.kick_all_cpus_sync;
  const floor = kickFloor(floors, nodes);
  if (kick !== undefined && kick.count > 0 && floor > 0) {
    ratios.kick_all_cpus_sync = { ns: kick.p50, floor, ratio: kick.p50 / floor };
  }
  return ratios;
}

/** What a result says of the live machine. `durations` in host time. */
export function liveDetails(
  { nodes, cpusPerNode, timeScale }: Pick<Scenario, 'nodes' | 'cpusPerNode' | 'timeScale'>,
  { place, asOf }: LiveObserved,
  window: { readonly from: Reading; readonly to: Reading },
  durations: Readonly<Record<string, Duration>>,
): LiveDetails {
  const { broker, cores, pinned, floors, hosts } = place;
  const cpus = nodes * cpusPerNode;
  return {
    broker,
    cores,
    cpus,
    oversubscribed: cpus > cores,
    pinned,
    timeScale,
    floors,
    ...(hosts !== undefined && { hosts }),
    ratios: floors === null ? {} : ratiosOf(floors, nodes, durations),
    messages: trafficBetween(window.from, window.to),
    asOf: asOf(),
  };
}
