import type { CheckRequest } from '@kmemlab/experiments';
import { oneLine, pathComponent, renderCheck, type SearchStrategy, searchStrategies, toJson } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import {
  choice,
  experimentArgument,
  filled,
  integer,
  jobsFlag,
  kernelFlag,
  type SearchedFlags,
  searchedFlags,
} from '../flags.js';
import { ProgressLine } from '../progress.js';
import { requestFrom } from '../request.js';
import { textOptions } from '../terminal.js';
import { type CommandThis, statusOfOutcome } from '../types.js';
import { checkWritable, writeDocument } from '../write-document.js';

interface CheckFlags extends SearchedFlags {
  readonly kernel?: string;
  readonly schedules?: number;
  readonly strategy?: SearchStrategy;
  readonly depth?: number;
  readonly only?: string;
  readonly window?: readonly string[];
  readonly from?: string;
  readonly jobs?: number;
  readonly save?: string;
  readonly json: boolean;
}

const DESCRIPTION = `Searches the schedules of one experiment for one that ends with a verdict: "is this patch safe?"

Every schedule is a run on the deterministic machine, from the end of the boot. Schedule 0 is the cost model's order; in the
others CPUs, or the interrupts on their way to them, are late at some moments, by 100 ns to 50 ms. What is found is made as
small as possible (fewer CPUs, smaller parameters, fewer and shorter delays) and saved as a replay file.

--strategy pct (default)  --depth D moments drawn from the whole schedule, half of them at labelled preemption points
--strategy random         any moment, at a rate drawn for each schedule
--strategy exhaustive     every schedule with at most D delays that puts one step behind some of the steps it depends on

A schedule depends on --seed and its number alone, and the lowest number with a verdict is reported, so the answer does not
depend on --jobs. The scenario is small unless more is asked for: 2 nodes of 2 CPUs, one loop or write.

A rule that was broken without harm does not end the search; it is reported if no schedule shows harm.

Exit status: 0 nothing found, 1 a verdict was found, 2 wrong usage or input, 3 the search failed, 130 interrupted.

EXAMPLES
  kmemlab check tune-slabinfo --kernel v4.10+never-kick
  kmemlab check tune-slabinfo --kernel v4.10+avoid-kick-on-create --schedules 100000
  kmemlab check avoid-ipis --kernel v4.10 --patch ./mine.mjs --param loops=2
  kmemlab check tune-slabinfo --strategy exhaustive --depth 1 --nodes 1
  kmemlab check tune-slabinfo --kernel v4.10+never-kick --save uaf.json && kmemlab replay uaf.json`;

export const checkCommand = buildCommand<CheckFlags, [string], CommandThis>({
  async func(flags, experiment) {
    const { cli } = this;
    const { searches } = await cli.loadEngine();
    const { kernel, schedules, strategy, depth, only, window, from, jobs, save, json, ...machine } = flags;
    const run = await requestFrom(experiment, machine, kernel);
    const request: CheckRequest = {
      run,
      ...(schedules !== undefined && { schedules }),
      ...(strategy !== undefined && { strategy }),
      ...(depth !== undefined && { depth }),
      ...(only !== undefined && { only }),
      ...(window !== undefined && { windows: window }),
      ...(from !== undefined && { from }),
    };
    const plan = await searches.resolveCheck(request);
    if (save !== undefined) checkWritable(save, '--save', cli.fileSystem);
    const line = new ProgressLine(cli.stderr, cli.now, '', 'model');
    const checked = await searches
      .check(plan, {
        ...(jobs !== undefined && { jobs }),
        signal: cli.signal,
        onProgress: (done) => line.show({ phase: 'schedules', done, total: plan.schedules }),
        onFound: () => line.show({ phase: 'found one, making it smaller', done: 0, total: 0 }),
      })
      .finally(() => line.clear());
    let { result } = checked;
    let unsaved: unknown;
    if (checked.replay !== undefined) {
      const { verdict, kernel: name } = result;
      const path = save ?? `${pathComponent(`${result.experiment}-${name}-${verdict?.id}`)}.replay.json`;
      try {
        writeDocument(path, toJson(checked.replay), '--save', cli.fileSystem);
        result = { ...result, replay: path };
      } catch (error) {
        unsaved = error;
      }
    }
    cli.stdout.write(json ? toJson(result) : renderCheck(result, textOptions(cli), machine.patch));
    if (unsaved !== undefined) throw new Error(oneLine(unsaved));
    if (result.failure !== undefined) {
      const { kind, detail } = result.failure;
      cli.stderr.write(
        `kmemlab: the search ${kind === 'interrupted' ? 'is incomplete' : 'failed'} (${kind}): ${detail}\n`,
      );
    }
    this.status = statusOfOutcome[result.outcome];
  },
  parameters: {
    flags: {
      kernel: kernelFlag,
      ...searchedFlags,
      schedules: {
        kind: 'parsed',
        parse: integer([1, 1e9]),
        optional: true,
        placeholder: 'N',
        brief: 'Schedules to try at most (default 10000)',
      },
      strategy: {
        kind: 'parsed',
        parse: choice(searchStrategies),
        optional: true,
        placeholder: searchStrategies.join('|'),
        brief: 'How schedules are chosen (default pct)',
      },
      depth: {
        kind: 'parsed',
        parse: integer([1, 100]),
        optional: true,
        placeholder: 'D',
        brief: 'Delays in a schedule: exactly for pct (default 3), at most for exhaustive (default 2)',
      },
      only: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        placeholder: 'ID',
        brief: 'Look for this rule, defect or class of verdict only, e.g. V0-b; see kmemlab list verdicts',
      },
      window: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        variadic: true,
        placeholder: 'LABEL',
        brief: 'Be late at preemption points of this label only, and at any step (repeatable)',
      },
      from: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        placeholder: 'PHASE',
        brief: 'Be late from this phase of the experiment on',
      },
      jobs: jobsFlag,
      save: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        placeholder: 'FILE',
        brief: 'Where to save what is found (default <experiment>-<kernel>-<verdict>.replay.json)',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print a kmemlab.check/1 document' },
    },
    positional: experimentArgument,
  },
  docs: { brief: 'Search the schedules of an experiment for a verdict', fullDescription: DESCRIPTION },
});
