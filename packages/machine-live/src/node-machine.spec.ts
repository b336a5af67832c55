import { type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Machines } from '../fixtures/machines.js';
import { encodeMessage, Kind, Message } from './message.js';

const MEMCGS = 3;
/** dentry, shmem_inode_cache; what the next memcg's control files add depends on how far creation lags. */
const FEWEST_CACHES = 2 * MEMCGS;
const onCpu = (cpu: number) => ({ kind: 'pinned', cpu }) as const;

/** Memcgs with a file each, as the script of avoid-ipis makes them; then all creations have run. */
function* makeMemcgs(pid: number): Program<string> {
  yield* sys.chdir('/mnt/cgroup/memory');
  for (let n = 0; n < MEMCGS; n++) {
    yield* sys.mkdir(String(n));
    yield* writeFile(`${n}/cgroup.procs`, `${pid}\n`);
    yield* sys.close(yield* sys.create('/tmp/x'));
    yield* sys.unlink('/tmp/x');
  }
  yield* sys.flushCreation();
  return yield* readFile('/proc/interrupts');
}

describe.each([
  [1, 2],
  [2, 2],
])('a machine of %i nodes with %i CPUs on real threads', (nodes, cpusPerNode) => {
  const cpus = nodes * cpusPerNode;
  let machines: Machines;
  beforeEach(async () => {
    machines = new Machines(nodes, cpusPerNode);
    await machines.boot();
  });
  afterEach(async () => {
    await machines.stop();
    expect({ verdicts: machines.verdicts, failures: machines.failures }).toEqual({ verdicts: [], failures: [] });
  });

  it('boots, runs a program, counts, stands still and goes on', async () => {
    expect(await machines.count('kick_all_cpus_sync')).toBe(33);
    expect((await machines.reports()).flatMap(({ cal }) => cal)).toEqual(new Array(cpus).fill(0));

    const interrupts = await machines.run(1, makeMemcgs(1), onCpu(0));
    await machines.rest();
    const reports = await machines.reports();
    const kicks = (await machines.count('kick_all_cpus_sync')) - 33;
    expect(kicks).toBeGreaterThanOrEqual(FEWEST_CACHES);
    expect(await machines.count('memcg_created')).toBe(MEMCGS);
    const cal = reports.flatMap((report) => report.cal);
    // To open the file that it reads, the script may need one more cache.
    const read = /^CAL: +(.*) +Function/m.exec(String(interrupts))?.[1]?.trim().split(/ +/).map(Number) ?? [];
    expect(read).toHaveLength(cpus);
    for (const [cpu, calls] of read.entries()) expect(cal[cpu]).toBeOneOf([calls, calls + 1]);
    expect(cal.reduce((sum, n) => sum + n, 0)).toBe(kicks * (cpus - 1));
    expect(reports.flatMap(({ received }) => received)).toEqual(
      cal.map((calls, cpu) => calls + (reports.flatMap(({ merged }) => merged)[cpu] ?? 0)),
    );
    const sent = reports.map(({ messages }) => messages.toNode);
    for (const [from, row] of sent.entries()) {
      for (const [to, count] of row.entries()) expect(count, `from ${from} to ${to}`).toBeGreaterThan(0);
    }

    const heldAt = await machines.hold();
    const held = await machines.reports();
    expect(await machines.reports(true)).toEqual(held);
    expect(held.every(({ at }) => at <= heldAt)).toBe(true);
    const dump = (await Promise.all(machines.nodes.map((node) => node.dump()))).flat();
    expect(dump).toMatchObject(Array.from({ length: cpus }, (_, cpu) => ({ cpu, answered: true, function: 'idle' })));
    await machines.resume(heldAt);
    const after = await machines.reports();
    expect(after.every(({ at }) => at >= heldAt)).toBe(true);
    expect(after.map(({ durations }) => durations.slowest)).toEqual(after.map(() => null));

    await machines.runNext(1, writeFile('/mnt/cgroup/memory/cgroup.procs', '1\n'), onCpu(cpus - 1));
    expect((await machines.reports()).reduce((sum, { progress }) => sum + progress, 0)).toBeGreaterThan(
      held.reduce((sum, { progress }) => sum + progress, 0),
    );
  });
});

it('that is stopped while it starts leaves no thread', async () => {
  const machines = new Machines(1, 4);
  const refused = expect(machines.nodes[0]?.start()).rejects.toThrow('stopped while they started');
  await machines.stop();
  await refused;
  const threads = (process.report?.getReport() as unknown as { workers: unknown[] } | undefined)?.workers;
  expect(threads).toEqual([]);
  expect(machines.failures).toEqual([]);
});

it('tells when the thread of a CPU ends, and what that CPU was doing', async () => {
  const machines = new Machines(1, 2);
  await machines.boot();
  const nobodyAsked = new Message().set(Kind.answer, 0, 0, 1, 12_800, 0, 1, null);
  machines.nodes[0]?.receive(encodeMessage(nobodyAsked));
  const { kind, detail } = await machines.failed;
  expect(kind).toBe('worker-died');
  expect(detail).toMatch(/^the thread of CPU1 on node 0 ended \(.*nobody made.*\); it was last seen idle/);
  await machines.stop();
});
