/** Terms of a report, for readers to whom this part of the kernel is new. A term is explained if the page has what the pattern finds. */
const TERMS: readonly (readonly [term: string, found: RegExp, text: string])[] = [
  [
    'memcg',
    /memcg/i,
    'a memory cgroup: a group of tasks whose memory is counted and limited together, such as a container',
  ],
  [
    'slab cache',
    /caches?\b/i,
    'where the kernel gets its small objects of one kind from, such as dentries; up to 5.8 each memcg has caches of its own, made at first use',
  ],
  [
    'IPI',
    /\bIPIs?\b|interrupts?/,
    'inter-processor interrupt: one CPU makes another one stop what it does and run a function',
  ],
  [
    'kick, kick_all_cpus_sync',
    /kick/,
    'interrupts every other CPU and waits until all have answered, so that none can still be using what was there before; n CPUs, n − 1 IPIs',
  ],
  [
    'CPU0 column',
    /CPU0 column/,
    'the number for CPU0 in the line “Function call interrupts” of /proc/interrupts, which the mail of 2017 quotes',
  ],
  ['dying memcg, zombie', /dying|zombie/, 'a memcg that was removed and still exists, because something holds it'],
  ['dead cache', /dead.cache/, 'a slab cache of a memcg that was removed'],
  [
    'slab_mutex',
    /slab_mutex/,
    'the one lock under which all slab caches of the machine are made, changed and destroyed',
  ],
  ['cgroup_mutex', /cgroup_mutex/, 'the one lock under which cgroups are made and removed'],
  [
    'grace period',
    /[Gg]race period|synchronize_/,
    'the time that RCU waits until every CPU has left whatever it was reading; milliseconds',
  ],
  ['rcu_barrier', /rcu_barrier/, 'waits until all RCU callbacks that are queued now, on any CPU, have been executed'],
  ['node', /NUMA|nodes?\b/, 'a NUMA node: CPUs and the memory near to them; memory of another node is farther away'],
  ['p50, p99', /\bp50\b|99 of 100/, 'half of all, and 99 of 100, were not longer than this'],
  [
    'model time',
    /model time/,
    'time of the simulated machine, the same on every computer; it follows from the constants of the cost model',
  ],
  [
    'host time',
    /host time/,
    'time measured on the computer that ran it; with more CPUs than cores it shows order, not cost',
  ],
  ['verdict', /[Vv]erdict/, 'a rule of the kernel that was broken, with the steps that prove it'],
  ['finding', /Findings/, 'something worth knowing that breaks no rule'],
];

/** The terms that this text uses. */
export const termsIn = (text: string): (readonly [string, string])[] =>
  TERMS.filter(([, found]) => found.test(text)).map(([term, , explanation]) => [term, explanation]);
