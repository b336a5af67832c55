import { rcuFlavours } from '@kmemlab/kernel';
import { verdictClasses } from '@kmemlab/machine';
import { z } from 'zod';
import { RunEnded } from './run-ended.js';

const count = z.number().min(0);
const counts = z.array(count);
const numbers = z.array(z.number());
const byName = z.record(z.string(), z.number());

const kick = z.object({
  cpu: count,
  sender: count,
  ns: count,
  send: count,
  delivery: count,
  irqOffWait: count,
  handler: count,
  ack: count,
});

const step = z.object({
  cpu: z.number(),
  task: z.string(),
  function: z.string(),
  time: z.number(),
  stack: z.array(z.string()).default([]),
});

const waiting = z.object({
  task: z.number(),
  name: z.string(),
  kind: z.enum(['task', 'softirq', 'hardirq']),
  syscall: count,
  doing: z.enum(['runs', 'spins', 'sleeps', 'queued']),
  waiter: count,
  target: z.number(),
  since: z.number(),
  stack: z.array(z.string()),
});

const flavour = z.enum(rcuFlavours);

const reader = z.object({ task: z.number(), name: z.string(), cpu: count, leaked: z.boolean() });

const cpuWaits = z.object({
  cpu: count,
  irqsOff: z.boolean(),
  inInterrupt: z.boolean(),
  running: waiting.nullable(),
  task: waiting.nullable(),
  others: z.array(waiting),
  callbacks: z.array(z.object({ waiter: count, flavour, gp: count })),
});

const nodeWaits = z.object({
  node: count,
  mutexes: z.array(z.object({ name: z.string(), owner: z.number(), waiters: counts })),
  spinlocks: z.array(z.object({ name: z.string(), holder: z.number(), waiters: counts })),
  flushes: z.array(z.object({ waiter: count, workers: numbers, queue: z.string(), thread: z.string() })),
  rcu: z.array(z.object({ flavour, gracePeriod: count, completed: count, owing: counts, readers: z.array(reader) })),
});

/** What travels between the command's lab and the labs of the nodes. See `LiveLab` for the order. */
export const schemas = {
  report: z.object({
    node: count,
    at: count,
    sums: byName,
    cal: counts,
    res: counts,
    loc: counts,
    disturbances: z.array(z.object({ softirqs: count, contextSwitches: count, stolenNs: count })),
    received: counts,
    merged: counts,
    events: count,
    messages: z.object({ byKind: byName, crossNodeByKind: byName, byCpu: counts, toNode: counts }),
    durations: z.object({ histograms: z.array(z.tuple([z.string(), counts])), slowest: kick.nullable() }),
    progress: count,
  }),
  inventory: z.object({
    node: count,
    users: numbers,
    kmallocs: numbers,
    slabs: numbers,
    csses: numbers,
    caches: numbers,
    pagesInUse: count,
    memcgPages: count,
    chargedPages: numbers,
    deadStocks: count,
    heldVectors: count,
    stocks: numbers,
    retained: numbers,
    listed: numbers,
    outOfSlot: numbers,
    slabStatistics: numbers,
    heldBack: numbers,
    slabPages: numbers,
  }),
  quiet: z.object({ idle: z.boolean(), sent: count, received: count, activity: z.number() }),
  dump: z.array(step.extend({ state: z.string(), since: z.number(), answered: z.boolean() })),
  waits: z.object({ cpus: z.array(cpuWaits), node: nodeWaits }),
  verdict: z.object({
    class: z.enum(verdictClasses),
    id: z.string(),
    object: z.string(),
    owner: z.string().exactOptional(),
    steps: z.array(step),
    detail: z.string(),
  }),
  exited: z.object({ number: z.int().min(1), value: z.unknown().optional(), error: z.string().optional() }),
  progress: z.object({ number: z.int().min(1), done: count }),
  begin: z.object({ number: z.int().min(1) }),
  end: z.object({ number: z.int().min(1), value: z.unknown().optional() }),
  mark: z.object({ mark: z.boolean() }),
  time: z.number(),
  resume: z.object({ skipped: z.number() }),
} as const;

/**
 * A message that has been checked.
 * @throws RunEnded if it is not what it should be
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0] ?? { path: [], message: 'wrong' };
  throw new RunEnded('failed', `${what} is malformed: ${[...path, message].join(': ')}`, 'internal');
}
