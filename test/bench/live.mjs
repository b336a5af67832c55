// What the live machine takes, to be set beside what the same round trip costs without a kernel.
//
// A figure is { name, floor, limit?, open }. `floor` names what it is paired with: an order to the floor processes, or a list
// of them whose medians are added. `open({ broker, pin })` starts a machine and gives { measure({ rounds, budgetMs }), close() };
// `measure` warms up, takes samples and gives { medianNs, p99Ns, rounds } (summarize() of coordinator/floors does). `limit` is
// the largest ratio that is accepted, pinned.

import { openMachine } from './live-machine/machine.mjs';

const PING_PONG = { do: 'broadcast', responders: 1 };
const HOP = { do: 'hop' };
const NATS = { do: 'nats' };
const CHAIN = { do: 'chain' };

/** CPUs that are kicked at once, all on the kicker's node. */
export const KICKED = [1, 2, 4, 8, 15];

const open = (machine) => (place) => openMachine(machine, place);

const kick = (cpus) => ({
  name: `kick of ${cpus} blocked CPUs`,
  floor: [{ do: 'broadcast', responders: cpus }],
  ...(cpus === 8 && { limit: 1.5 }),
  open: open({ nodes: 1, cpusPerNode: cpus + 1, trip: 'kick' }),
});

export const figures = [
  {
    name: 'IPI round trip, same node',
    floor: [PING_PONG],
    limit: 1.4,
    open: open({ nodes: 1, cpusPerNode: 2, trip: 'other CPU' }),
  },
  ...KICKED.map(kick),
  {
    name: 'request to the own node',
    floor: [HOP],
    open: open({ nodes: 1, cpusPerNode: 1, trip: 'own node' }),
  },
  {
    name: 'request to another node',
    floor: [NATS, HOP],
    open: open({ nodes: 2, cpusPerNode: 1, trip: 'other node' }),
  },
  {
    name: 'IPI round trip, other node',
    floor: [CHAIN],
    limit: 1.4,
    open: open({ nodes: 2, cpusPerNode: 1, trip: 'other CPU' }),
  },
];
