/** One named constant of the cost model, in nanoseconds, with its plausible range and where it comes from. */
export interface Cost {
  readonly ns: number;
  readonly range: readonly [number, number];
  readonly source: string;
}

const guess = 'estimate for a current x86-64 server; override it in the scenario';

/**
 * What the smallest steps cost on the deterministic machine. Everything larger (a kick of 64 CPUs, a grace period, a
 * creation under slab_mutex) emerges from these. A scenario overrides any of them under `costs:`.
 */
export const costModel = {
  'ipi.send': {
    ns: 85,
    range: [70, 100],
    source: 'per further target of a mask call, bare metal; see the profile of a guest',
  },
  'ipi.flight': {
    ns: 240,
    range: [150, 400],
    source: 'with send, entry and acknowledgement this gives the published 560 to 780 ns for the first remote CPU',
  },
  'interrupt.entry': { ns: 150, range: [80, 400], source: 'interrupt entry and exit, same sum as ipi.flight' },
  'cacheLine.sameNode': { ns: 40, range: [25, 50], source: 'core to core transfer within a socket' },
  'cacheLine.crossNode': { ns: 150, range: [108, 200], source: 'core to core transfer across sockets' },
  'handler.service': {
    ns: 15,
    range: [5, 40],
    source: `locked instruction or short section on an owned line: ${guess}`,
  },
  'list.step': { ns: 4, range: [1, 20], source: `one step along a list in cache: ${guess}` },
  'sched.contextSwitch': { ns: 900, range: [600, 1500], source: 'with wake-up and IPI: mutex hand-off of 1 to 2.5 µs' },
  'sched.wakeup': { ns: 250, range: [150, 600], source: 'same hand-off' },
  'sched.idleExit': { ns: 200, range: [50, 2000], source: `leaving a shallow idle state: ${guess}` },
  'syscall.entry': { ns: 80, range: [40, 400], source: `system call entry and exit: ${guess}` },
  'user.step': { ns: 2500, range: [200, 20000], source: `user time of an interpreted script between calls: ${guess}` },
  'page.alloc': { ns: 350, range: [150, 1000], source: `order-0 page from the buddy allocator, zeroed: ${guess}` },
  'slab.fastPath': { ns: 18, range: [8, 40], source: `array_cache hit: ${guess}` },
  'slab.object': { ns: 6, range: [2, 15], source: `one object moved between slab and array: ${guess}` },
  'slab.create': { ns: 3500, range: [1500, 10000], source: `name, descriptor, geometry of a new cache: ${guess}` },
  'sysfs.directory': { ns: 60000, range: [20000, 300000], source: `40 to 50 kernfs nodes of a SLUB cache: ${guess}` },
  'kobject.uevent': { ns: 8000, range: [2000, 50000], source: `one message to user space: ${guess}` },
  'percpu.alloc': { ns: 2200, range: [800, 8000], source: `percpu allocation under pcpu_mutex: ${guess}` },
  'path.component': { ns: 120, range: [40, 300], source: `one path component found in the dentry cache: ${guess}` },
  'vfs.operation': { ns: 600, range: [200, 3000], source: `open, create, unlink beyond allocation: ${guess}` },
  'cgroup.mkdir': { ns: 45000, range: [15000, 200000], source: `css_alloc and about 25 kernfs files: ${guess}` },
  'cgroup.attach': { ns: 6000, range: [2000, 50000], source: `migration of one task: ${guess}` },
  'cgroup.rmdir': { ns: 20000, range: [5000, 100000], source: `removal of the kernfs files: ${guess}` },
  'proc.read': { ns: 30000, range: [5000, 200000], source: `formatting /proc/interrupts: ${guess}` },
  'task.fork': { ns: 30000, range: [15000, 100000], source: `copy_process beyond its allocations: ${guess}` },
  'task.exit': { ns: 15000, range: [5000, 80000], source: `do_exit beyond its frees: ${guess}` },
  'page.fault': { ns: 700, range: [400, 2000], source: `minor fault on private memory: ${guess}` },
} as const satisfies Record<string, Cost>;

export type CostName = keyof typeof costModel;

/** Constants that differ on another kind of computer from the ones above, by the name of the profile. */
export const costProfiles = {
  bareMetal: {},
  guest: {
    'ipi.send': {
      ns: 1750,
      range: [1000, 2500],
      source: 'per target of a mask call in a virtual machine, where sending leaves the guest; middle of the range',
    },
  },
} as const satisfies Record<string, Partial<Record<CostName, Cost>>>;

export type CostProfile = keyof typeof costProfiles;

/** The cost model of a profile. */
export const profileModel = (profile: CostProfile): Readonly<Record<CostName, Cost>> => ({
  ...costModel,
  ...costProfiles[profile],
});

export type Costs = Readonly<Record<CostName, number>>;

/** The constants in ns, with a scenario's overrides applied to those of the profile. */
export function resolveCosts(
  overrides: Readonly<Record<string, number>> = {},
  profile: CostProfile = 'bareMetal',
): Costs {
  const costs = Object.fromEntries(Object.entries(profileModel(profile)).map(([name, cost]) => [name, cost.ns]));
  return { ...costs, ...overrides } as Costs;
}
