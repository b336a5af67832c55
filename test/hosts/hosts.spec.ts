import type { RunResult } from '@kmemlab/results';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { emptyDirectory, kmemlab } from '../e2e/command.js';
import { Hosts, missing } from './hosts.js';

const HOSTS = 3;
const LOOPS = 3;
/** Each way, between one host and the server; far above what a busy computer adds. */
const LATE_MS = 20;
const MINUTES = 60_000;

const RUN = ['run', 'avoid-ipis', '--nodes', String(HOSTS), '--json', '--param', `loops=${LOOPS}`];

const why = missing();

test.skipIf(why === undefined)(`cannot be tried here: ${why}`, () => {});

describe.skipIf(why !== undefined)('nodes on three hosts', () => {
  let hosts: Hosts;
  const made: Hosts[] = [];

  beforeEach(() => {
    hosts = Hosts.make(HOSTS);
    made.push(hosts);
  });

  afterEach(() => hosts.remove());
  afterAll(() => expect(made.length).toBeGreaterThan(0));

  const resultOf = (stdout: string, stderr: string): RunResult => {
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout);
  };

  async function run(cpusPerNode: number): Promise<RunResult> {
    const args = [...RUN, '--cpus-per-node', String(cpusPerNode), '--nats', hosts.server];
    const { stdout, stderr } = await hosts.kmemlab(args, emptyDirectory());
    return resultOf(stdout, stderr);
  }

  test(
    'count what one host counts',
    async () => {
      await hosts.serve();
      await Promise.all([0, 1, 2].map((host) => hosts.node(host)));
      const live = await run(4);
      expect(live).toMatchObject({ outcome: 'ok', machine: { nodes: 3, cpusPerNode: 4 } });
      expect(live.live?.hosts?.names).toHaveLength(HOSTS);
      const { stdout, stderr } = await kmemlab([...RUN, '--cpus-per-node', '4', '--engine', 'sim'], emptyDirectory());
      const sim = resultOf(stdout, stderr);
      for (const counts of [live, sim].map(({ counters }) => counters)) {
        expect(counts.caches.created).toBe(3 * LOOPS);
        expect(counts.calls.kick_all_cpus_sync).toBe(3 * LOOPS);
        expect(counts.ipi).toMatchObject({ sent: 3 * LOOPS * 11, received: 3 * LOOPS * 11 });
      }
    },
    5 * MINUTES,
  );

  test(
    'feel the distance: a kick waits for a late host once there and back',
    async () => {
      await hosts.serve();
      await Promise.all([
        hosts.node(0),
        hosts.node(1),
        hosts.lateLine(LATE_MS).then((server) => hosts.node(2, server)),
      ]);
      const { outcome, durations, live } = await run(1);
      expect(outcome).toBe('ok');
      const late = 2 * LATE_MS * 1e6;
      const trips = live?.hosts?.roundTripNs ?? [];
      const far = trips.flatMap((row, from) => row.filter((_, to) => from !== to && (from === 2) !== (to === 2)));
      expect(far).toHaveLength(4);
      for (const ns of far) expect(ns).toBeGreaterThanOrEqual(late);
      expect(trips[0]?.[1]).toBeLessThan(late);
      // One message there and one combined acknowledgement back, however many CPUs there are; on the way nothing else is waited for.
      const kick = durations.kick_all_cpus_sync;
      expect(kick?.p50).toBeGreaterThanOrEqual(0.95 * late);
      expect(kick?.p50).toBeLessThan(3 * late);
    },
    10 * MINUTES,
  );

  test(
    'end by name when a wire is cut, and the next run works',
    async () => {
      await hosts.serve();
      await Promise.all([0, 1, 2].map((host) => hosts.node(host)));
      const args = ['run', 'avoid-ipis', '--nodes', '3', '--cpus-per-node', '1', '--json', '--param', 'loops=65000'];
      let cut = false;
      const cutSoon = (stderr: string): void => {
        if (cut || !stderr.includes('broker:')) return;
        cut = true;
        hosts.wire(2, 'down');
      };
      const { status, stdout, stderr } = await hosts.kmemlab(
        [...args, '--nats', hosts.server, '--deadline', '3'],
        emptyDirectory(),
        cutSoon,
      );
      expect(status).toBe(3);
      const result = resultOf(stdout, stderr);
      expect(result).toMatchObject({ outcome: 'failed', failure: { kind: 'transport-lost' } });
      expect(result.live?.asOf).toHaveLength(HOSTS);
      hosts.wire(2, 'up');
      await hosts.node(2);
      expect((await run(1)).outcome).toBe('ok');
    },
    5 * MINUTES,
  );

  test(
    'end by name when the server is gone, and work again with the next one',
    async () => {
      const server = await hosts.serve();
      await Promise.all([0, 1, 2].map((host) => hosts.node(host)));
      const args = ['run', 'avoid-ipis', '--nodes', '3', '--cpus-per-node', '1', '--json', '--param', 'loops=65000'];
      const killAtOnce = (stderr: string): void => {
        if (stderr.includes('broker:')) server.kill('SIGKILL');
      };
      const { status, stdout, stderr } = await hosts.kmemlab(
        [...args, '--nats', hosts.server],
        emptyDirectory(),
        killAtOnce,
      );
      expect(status).toBe(3);
      expect(resultOf(stdout, stderr)).toMatchObject({ outcome: 'failed', failure: { kind: 'broker-lost' } });
      await hosts.serve();
      await Promise.all([0, 1, 2].map((host) => hosts.node(host)));
      expect((await run(1)).outcome).toBe('ok');
    },
    5 * MINUTES,
  );
});
