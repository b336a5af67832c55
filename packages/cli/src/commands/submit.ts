import type { Progress, RunRequest, Scenario } from '@kmemlab/experiments';
import type { RunResult } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { executeJobs } from '../execute.js';
import { experimentArgument, kernelFlag, type MachineFlags, machineFlags } from '../flags.js';
import { planJobs } from '../plan.js';
import { report } from '../report.js';
import { requestFrom } from '../request.js';
import { neededServerFlag, serverOf } from '../server-flag.js';
import type { CliContext, CommandThis, Engine } from '../types.js';
import { notStarted } from '../unfinished.js';
import { UsageError } from '../usage-error.js';

type SubmitFlags = Pick<
  MachineFlags,
  'patch' | 'config' | 'nodes' | 'cpusPerNode' | 'isolcpus' | 'param' | 'seed' | 'seeds' | 'out' | 'json'
> & { readonly kernel?: string; readonly nats?: string };

const DESCRIPTION = `Has a coordinator service run one experiment on the nodes that are registered at its NATS server, and reports it like
"kmemlab run". The service keeps the run too; orders wait for each other there.

Ctrl-C stops waiting: the run goes on, and the service keeps its result.

Exit status: 0 ok, 1 a verdict was found, 2 wrong usage, no service, or an order that is refused, 3 the run failed,
130 interrupted.

EXAMPLES
  kmemlab submit avoid-ipis --nats nats://lab.example:4222 --nodes 3 --cpus-per-node 4
  kmemlab submit zombies --nats nats://lab.example:4222 --kernel v5.3 --out runs/nightly --json`;

/** What the service says while it works. */
type Said = ({ readonly state: 'running' } & Progress) | { readonly state: 'queued'; readonly before: number };

/** An engine whose runs are done by a coordinator service. */
function remote(engine: Engine, cli: CliContext, request: RunRequest, nats: string): Engine {
  return {
    ...engine,
    isInputError: (error) => error instanceof UsageError || engine.isInputError(error),
    async runScenario(scenario: Scenario, { signal = cli.signal, onProgress } = {}) {
      const host = await cli.loadHost();
      let id = '';
      const result = await host.submit({
        ...{ nats, env: cli.env, signal },
        request: { ...request, seed: scenario.seed },
        onSent: (sent) => {
          id = sent;
        },
        onProgress: (progress) => {
          const said = progress as Said;
          if (said.state === 'running') onProgress?.(said);
        },
      });
      const detail = id === '' ? 'before it was sent' : `the service goes on with order ${id} and keeps its result`;
      return (result as RunResult | undefined) ?? notStarted(scenario, { kind: 'interrupted', detail });
    },
  };
}

const { patch, config, nodes, cpusPerNode, isolcpus, param, seed, seeds, out, json } = machineFlags;

export const submitCommand = buildCommand<SubmitFlags, [string], CommandThis>({
  async func(flags, experiment) {
    const { cli } = this;
    const local = await cli.loadEngine();
    const request = await requestFrom(experiment, flags, flags.kernel);
    const jobs = await planJobs(local, [{ ...request, engine: 'live' }], flags.seeds ?? 1);
    const engine = remote(local, cli, request, serverOf(flags.nats, cli.env));
    const executed = await executeJobs(cli, engine, jobs, {
      ...{ out: flags.out, experiment, checkDeterminism: false, atOnce: 1, place: {} },
    });
    this.status = report(cli, executed, flags.json);
  },
  parameters: {
    flags: {
      kernel: kernelFlag,
      ...{ patch, config, nodes, cpusPerNode, isolcpus, param, seed, seeds, out, json },
      nats: neededServerFlag('The NATS server of the service'),
    },
    positional: experimentArgument,
  },
  docs: { brief: 'Have a coordinator service run an experiment', fullDescription: DESCRIPTION },
});
