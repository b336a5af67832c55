import type { ControlChannel } from '@kmemlab/machine-live';
import { Calls, isRoundTripsOrder, type RoundTripsOrder } from './protocol.js';

/** Measured before the first that counts. */
const WARM_UP = 3;
/** All nodes together, about. */
const MOST_ROUNDS = 2000;
const MOST_ROUNDS_PER_PAIR = 20;

/** Rounds for each ordered pair of so many nodes: fewer for many nodes, so that a run does not begin late. */
export function roundsPerPair(nodes: number): number {
  const pairs = nodes * (nodes - 1);
  return Math.max(3, Math.min(MOST_ROUNDS_PER_PAIR, Math.floor(MOST_ROUNDS / pairs)));
}

/** Median time of a call to each of these peers, which does nothing, ns of host time. Rejects if one does not answer. */
async function measureRoundTrips(control: ControlChannel, order: RoundTripsOrder): Promise<number[]> {
  const medians: number[] = [];
  for (const peer of order.peers) {
    const times: number[] = [];
    for (let round = -WARM_UP; round < order.rounds; round++) {
      const begun = performance.now();
      await control.call(peer, Calls.echo, null, order.deadlineMs);
      if (round >= 0) times.push(Math.round((performance.now() - begun) * 1e6));
    }
    times.sort((a, b) => a - b);
    medians.push(times[times.length >> 1] ?? 0);
  }
  return medians;
}

/** Answer whoever measures, and measure when told to. */
export function serveRoundTrips(control: ControlChannel): void {
  control.serve(Calls.echo, () => null);
  control.serve(Calls.roundTrips, (order) => {
    if (!isRoundTripsOrder(order)) throw new TypeError('the order to measure is malformed');
    return measureRoundTrips(control, order);
  });
}
