import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { RunResult } from '@kmemlab/results';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emptyDirectory, kmemlab } from '../e2e/command.js';
import { Hosts, missing } from './hosts.js';

const HOSTS = 3;
const LOOPS = 3;
/** Each way, between one host and the server; far above what a busy computer adds. */
const LATE_MS = 40;
const MINUTES = 60_000;

const commandFor = (loops: number): string[] => {
  return ['run', 'avoid-ipis', '--nodes', String(HOSTS), '--json', '--param', `loops=${loops}`];
};

const why = missing();

/** Steps of one story on the same three hosts: what has just gone wrong must not be felt by the run after it. */
describe.skipIf(why !== undefined)(
  `nodes on three hosts${why === undefined ? '' : `, which cannot be tried here: ${why}`}`,
  () => {
    let hosts: Hosts;
    let server: ChildProcess;

    beforeAll(async () => {
      hosts = Hosts.make(HOSTS);
      server = await hosts.serve();
      await Promise.all([0, 1, 2].map((host) => hosts.node(host)));
    }, MINUTES);

    afterAll(() => hosts?.remove(), MINUTES);

    const resultOf = (stdout: string, stderr: string): RunResult => {
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout);
    };

    async function run(cpusPerNode: number, loops: number): Promise<RunResult> {
      const args = [...commandFor(loops), '--cpus-per-node', String(cpusPerNode), '--nats', hosts.server];
      const { stdout, stderr } = await hosts.kmemlab(args, emptyDirectory());
      return resultOf(stdout, stderr);
    }

    /** A run that would take for ever; `harm` is done once, when it has found its server. */
    async function endlessRun(flags: readonly string[], harm: () => void): Promise<RunResult> {
      let done = false;
      const harmOnce = (stderr: string): void => {
        if (done || !stderr.includes('broker:')) return;
        done = true;
        harm();
      };
      const args = ['run', 'avoid-ipis', '--nodes', '3', '--cpus-per-node', '1', '--json', '--param', 'loops=65000'];
      const all = [...args, '--nats', hosts.server, ...flags];
      const { status, stdout, stderr } = await hosts.kmemlab(all, emptyDirectory(), harmOnce);
      expect(status, stderr).toBe(3);
      return resultOf(stdout, stderr);
    }

    test(
      'end by name when a wire is cut',
      async () => {
        const result = await endlessRun(['--deadline', '3'], () => hosts.wire(2, 'down'));
        expect(result).toMatchObject({ outcome: 'failed', failure: { kind: 'transport-lost' } });
        expect(result.live?.asOf).toHaveLength(HOSTS);
        hosts.wire(2, 'up');
        await hosts.node(2);
      },
      5 * MINUTES,
    );

    test(
      'count what one host counts, in the next run',
      async () => {
        const live = await run(4, LOOPS);
        expect(live).toMatchObject({ outcome: 'ok', machine: { nodes: 3, cpusPerNode: 4 } });
        expect(live.live?.hosts?.names).toHaveLength(HOSTS);
        const { stdout, stderr } = await kmemlab(
          [...commandFor(LOOPS), '--cpus-per-node', '4', '--engine', 'sim'],
          emptyDirectory(),
        );
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
      'end by name when the server is gone',
      async () => {
        const result = await endlessRun([], () => server.kill('SIGKILL'));
        expect(result).toMatchObject({ outcome: 'failed', failure: { kind: 'broker-lost' } });
      },
      5 * MINUTES,
    );

    test(
      'feel the distance in the next run, on another server: a kick waits for a late host once there and back',
      async () => {
        if (server.signalCode === null) server.kill('SIGKILL');
        if (server.signalCode === null) await once(server, 'exit');
        await hosts.serve();
        await Promise.all([hosts.node(0), hosts.node(1), hosts.lateLine(LATE_MS).then((line) => hosts.node(2, line))]);
        const { outcome, durations, live } = await run(1, 1);
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
        expect(kick?.p50).toBeLessThan(2 * late);
      },
      10 * MINUTES,
    );
  },
);
