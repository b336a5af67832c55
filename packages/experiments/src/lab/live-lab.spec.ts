import { Topology } from '@kmemlab/machine';
import type { RunResult } from '@kmemlab/results';
import { describe, expect, it } from 'vitest';
import { FakeCluster, type FakeNode } from '../../fixtures/fake-nodes.js';
import type { RunOptions, Scenario } from '../api.js';
import { runScenario } from '../run.js';
import { resolveScenario } from '../scenario/resolve.js';

interface Outcome {
  readonly result: RunResult;
  readonly cluster: FakeCluster;
}

const node = ({ nodes }: FakeCluster, index: number): FakeNode => nodes[index] as FakeNode;

const scenarioOf = (more: Partial<Parameters<typeof resolveScenario>[0]> = {}): Promise<Scenario> =>
  resolveScenario({
    experiment: 'avoid-ipis',
    engine: 'live',
    nodes: 2,
    cpusPerNode: 2,
    params: { loops: '2' },
    ...more,
  });

/** Run on fake nodes; `prepare` sees them before anything is asked of them. */
async function runFake(
  scenario: Scenario,
  prepare: (cluster: FakeCluster) => void = () => {},
  options: RunOptions = {},
): Promise<Outcome> {
  let cluster: FakeCluster | undefined;
  const result = await runScenario(scenario, {
    ...options,
    startCluster: async ({ plan, nodes, cpusPerNode }) => {
      cluster = await FakeCluster.start(new Topology(nodes, cpusPerNode), plan);
      prepare(cluster);
      return cluster;
    },
  });
  return { result, cluster: cluster as FakeCluster };
}

describe('a live run', () => {
  it('runs every phase of the experiment on the birth node and has what the script read', async () => {
    const { result, cluster } = await runFake(await scenarioOf());
    expect(result).toMatchObject({
      engine: 'live',
      outcome: 'ok',
      script: { first: { cpu0: 7 }, second: { cpu0: 7 } },
    });
    expect(Object.keys(result.phases)).toEqual(['boot', 'create', 'settle', 'remove', 'rootCache']);
    expect(node(cluster, 0).log.filter((line) => /boot|script|continue/.test(line))).toEqual([
      'boot',
      'script 1',
      'continue 1',
      'continue 1',
      'continue 1',
    ]);
    expect(node(cluster, 1).log.filter((line) => /boot|script|continue/.test(line))).toEqual([]);
    expect(cluster.stopped).toBe(true);
  });

  it('marks each phase with all CPUs held, after two equal readings', async () => {
    const { cluster } = await runFake(await scenarioOf());
    const marks = cluster.calls.filter((call) => /hold|resume|report|inventory/.test(call) && call.endsWith(' 1'));
    const report = 'report 1';
    expect(marks.slice(0, 7)).toEqual([report, 'hold 1', report, report, report, 'inventory 1', 'resume 1']);
  });

  it('starts background tasks on their nodes before the next phase, with the same pids everywhere', async () => {
    const scenario = await scenarioOf({ experiment: 'tune-slabinfo', params: { writes: '2' } });
    const { result, cluster } = await runFake(scenario);
    expect(result.outcome).toBe('ok');
    expect(node(cluster, 0).log).toContain('files/1 2');
    expect(node(cluster, 1).log.filter((line) => line.startsWith('files'))).toEqual(['files/2 3', 'files/3 4']);
    expect(node(cluster, 0).log.indexOf('files/1 2')).toBeLessThan(node(cluster, 0).log.lastIndexOf('continue 1'));
  });

  it('says what was timed and where, and counts messages by node', async () => {
    const scenario = await scenarioOf();
    const { result } = await runFake({ ...scenario, timeScale: 10 }, ({ nodes }) => {
      for (const fake of nodes) fake.onReport = () => fake.durations.record('slab_mutex.hold', 1000);
    });
    expect(result.durations['slab_mutex.hold']).toMatchObject({ clock: 'host', p50: 1000 });
    expect(result.live).toMatchObject({ cpus: 4, cores: 2, oversubscribed: true, timeScale: 10, floors: null });
    expect(result.live?.messages.byNodePair[0]?.[0]).toBe(result.counters.messages.sameNode);
    expect(result.digest).toBeUndefined();
  });
});

describe('the end of a live run', () => {
  const verdict = { class: 'leak', id: 'SLAB-1', object: 'page', steps: [], detail: 'lost' } as const;

  it('is the first verdict that any node finds', async () => {
    const { result } = await runFake(await scenarioOf(), (cluster) => {
      node(cluster, 0).stuck = true;
      node(cluster, 1).onReport = () => node(cluster, 1).find(verdict);
    });
    expect(result).toMatchObject({ outcome: 'violation', verdicts: [{ id: 'SLAB-1' }] });
    expect(result.verdicts).toHaveLength(1);
  });

  it('is the failure of a node, with its kind', async () => {
    const { result, cluster } = await runFake(await scenarioOf(), (started) => {
      node(started, 0).stuck = true;
      node(started, 1).onReport = () => started.fail({ kind: 'worker-died', detail: 'CPU3' });
    });
    expect(result).toMatchObject({ outcome: 'failed', failure: { kind: 'worker-died', detail: 'CPU3' } });
    expect(cluster.stopped).toBe(true);
  });

  it('is put down to the patch if there is one and model code threw', async () => {
    const text = "export default { name: 'mine', summary: 's', apply() {} };";
    const scenario = await scenarioOf({ patchFiles: [{ path: 'mine.mjs', text }] });
    const { result } = await runFake(scenario, (cluster) => {
      node(cluster, 0).stuck = true;
      node(cluster, 1).onReport = () => cluster.fail({ kind: 'internal', detail: 'boom' });
    });
    expect(result.failure).toEqual({ kind: 'patch-threw', detail: 'boom' });
  });

  it('is an interruption, with the last figures of each node', async () => {
    const stop = new AbortController();
    const { result } = await runFake(
      await scenarioOf(),
      (cluster) => {
        node(cluster, 0).stuck = true;
        node(cluster, 1).onReport = () => {
          if (node(cluster, 0).log.includes('script 1')) stop.abort();
        };
      },
      { signal: stop.signal },
    );
    expect(result).toMatchObject({ outcome: 'incomplete', failure: { kind: 'interrupted' } });
    expect(result.live?.asOf.map(({ ns }) => ns > 0)).toEqual([true, true]);
  });

  it('is a stall that names the CPUs that are not idle', async () => {
    const { result } = await runFake(await scenarioOf(), (cluster) => {
      const [first, second] = [node(cluster, 0), node(cluster, 1)];
      first.stuck = true;
      const where = {
        task: 'script',
        function: 'csd_lock_wait',
        since: 5,
        time: 6,
        answered: true,
        stack: ['csd_lock_wait', 'kick_all_cpus_sync'],
      };
      first.dumps = [{ cpu: 0, state: 'spinning', ...where }];
      second.dumps = [{ cpu: 2, state: 'idle', ...where }];
      first.onReport = () => {
        if (first.log.includes('script 1')) first.at += 22e9;
      };
    });
    expect(result.outcome).toBe('violation');
    expect(result.verdicts[0]).toMatchObject({
      class: 'stall',
      steps: [{ cpu: 0, function: 'csd_lock_wait', time: 5 }],
    });
    expect(result.verdicts[0]?.steps).toHaveLength(1);
  });

  it('is no stall while the host has had less time than a stall takes, however fast the machine is', async () => {
    const stop = new AbortController();
    const { result } = await runFake(
      { ...(await scenarioOf()), timeScale: 10 },
      (cluster) => {
        const first = node(cluster, 0);
        first.stuck = true;
        let reports = 0;
        first.onReport = () => {
          if (!first.log.includes('script 1')) return;
          if (reports === 0) first.at += 22e9;
          if (++reports === 30) stop.abort();
        };
      },
      { signal: stop.signal },
    );
    expect(result).toMatchObject({ outcome: 'incomplete', verdicts: [] });
  });

  it('is SMP-10 if the interrupts never add up', async () => {
    const scenario = { ...(await scenarioOf()), timeScale: 1000 };
    const { result } = await runFake(scenario, (cluster) => {
      node(cluster, 1).sums['ipi.sent.2'] = 5;
      (node(cluster, 1).received as number[])[0] = 5;
      (node(cluster, 1).cal as number[])[0] = 4;
    });
    expect(result.verdicts[0]).toMatchObject({ class: 'invariant-broken', id: 'SMP-10' });
    expect(result.verdicts[0]?.detail).toContain(
      'CPU2 has handled 4 call-function interrupts and merged 0, but received 5',
    );
  });

  it('waits for interrupts on their way', async () => {
    const { result } = await runFake(await scenarioOf(), (cluster) => {
      const late = node(cluster, 1);
      late.sums['ipi.sent.0'] = 1;
      late.onReport = () => {
        if (late.reports < 4) return;
        late.received[0] = 1;
        late.cal[0] = 1;
      };
    });
    expect(result.outcome).toBe('ok');
    expect(result.phases.boot?.ipi).toMatchObject({ sent: 1, received: 1 });
  });

  it('is a stall if a CPU cannot be held', async () => {
    const { result } = await runFake(await scenarioOf(), (cluster) => {
      cluster.mute = 'hold';
    });
    expect(result.verdicts[0]).toMatchObject({ class: 'stall' });
  });

  it('is node-silent if a node does not answer', async () => {
    const { result } = await runFake(await scenarioOf(), (cluster) => {
      cluster.mute = 'inventory';
    });
    expect(result.failure).toMatchObject({ kind: 'node-silent', detail: expect.stringContaining('did not answer') });
  });

  it('is a failure if a node says something malformed', async () => {
    const { result } = await runFake(await scenarioOf(), (cluster) => {
      node(cluster, 0).stuck = true;
      node(cluster, 1).onReport = () => cluster.say(1, 'exited', { number: 'x' });
    });
    expect(result.failure?.detail).toContain('an exit on node 1 is malformed: number');
  });

  it('is what a program threw', async () => {
    const { result } = await runFake(await scenarioOf(), (cluster) => {
      node(cluster, 0).stuck = true;
      node(cluster, 1).onReport = () => cluster.say(0, 'exited', { number: 1, error: 'task script: mkdir failed' });
    });
    const detail = expect.stringMatching(/^the experiment's program failed in phase \w+: task script: mkdir failed$/);
    expect(result).toMatchObject({ outcome: 'failed', failure: { kind: 'internal', detail } });
  });

  it.each([
    [{ kind: 'node-silent', detail: 'node 1 said nothing' }, 'node-silent'],
    [new Error('boom'), 'internal'],
  ])('is a failure if the nodes cannot be started: %s', async (error, kind) => {
    const result = await runScenario(await scenarioOf(), { startCluster: () => Promise.reject(error) });
    expect(result).toMatchObject({ outcome: 'failed', failure: { kind }, phases: {} });
  });
});

it('partial results are there before the end, and say so', async () => {
  const partial: RunResult[] = [];
  await runFake(await scenarioOf(), () => {}, { onPartial: (result) => partial.push(result) });
  expect(partial.length).toBeGreaterThanOrEqual(5);
  expect(new Set(partial.map(({ outcome }) => outcome))).toEqual(new Set(['incomplete']));
});

it('without anything that starts nodes, live is wrong input', async () => {
  await expect(runScenario(await scenarioOf())).rejects.toThrow(/--engine live/);
});
