import { oneLine } from '@kmemlab/results';
import { type ApplicationText, buildApplication, buildRouteMap, help, run, version } from '@stricli/core';
import { calibrateCommand } from './commands/calibrate.js';
import { checkCommand } from './commands/check.js';
import { compareCommand } from './commands/compare.js';
import { doctorCommand } from './commands/doctor.js';
import { listCommand } from './commands/list.js';
import { matrixCommand } from './commands/matrix.js';
import { nodeCommand } from './commands/node.js';
import { nodesCommand } from './commands/nodes.js';
import { replayCommand } from './commands/replay.js';
import { reportCommand } from './commands/report.js';
import { runCommand } from './commands/run.js';
import { submitCommand } from './commands/submit.js';
import { fitHelp } from './help-text.js';
import { applicationText } from './messages.js';
import { textOptions } from './terminal.js';
import { type CliContext, type CommandThis, ExitStatus } from './types.js';
import { UsageError } from './usage-error.js';

const OVERVIEW = `The Linux kernel's per-memcg slab caches on a machine of threads and processes (live), or on a deterministic one (sim):
what a patch does to IPIs, grace periods, lock hold times and zombie memcgs, before you boot anything. A kernel is a
version plus patches: v4.10, v4.10+avoid-kick-on-create.

EXAMPLES
  kmemlab compare avoid-ipis --kernel v4.10 --kernel v4.10+avoid-kick-on-create
  kmemlab run avoid-ipis --kernel v4.10 --nodes 2 --cpus-per-node 4 --param loops=1000
  kmemlab run avoid-ipis --engine sim --seed 7                                the deterministic machine
  kmemlab run tune-slabinfo --kernel v4.10+never-kick --param irqOffCpu=1     a verdict, exit status 1
  kmemlab check tune-slabinfo --kernel v4.10+never-kick                       search for a race
  kmemlab report runs/*-avoid-ipis                                            one page to hand on
  kmemlab list experiments                                                    names and parameters
  kmemlab doctor                                                              what this computer can run
  kmemlab run --help                                                          flags of a command`;

const routes = {
  run: runCommand,
  compare: compareCommand,
  check: checkCommand,
  replay: replayCommand,
  matrix: matrixCommand,
  report: reportCommand,
  list: listCommand,
  doctor: doctorCommand,
  calibrate: calibrateCommand,
  node: nodeCommand,
  nodes: nodesCommand,
  submit: submitCommand,
};

function buildKmemlab(context: CliContext, text: ApplicationText) {
  const formatting = {
    useAliasInUsageLine: false,
    onlyRequiredInUsageLine: true,
    caseStyle: 'convert-camel-to-kebab',
  } as const;
  return buildApplication(
    buildRouteMap<keyof typeof routes, CommandThis>({
      routes,
      docs: { brief: 'Per-memcg slab caches on a simulated machine', fullDescription: OVERVIEW },
    }),
    {
      name: 'kmemlab',
      scanner: { caseStyle: 'allow-kebab-for-camel' },
      documentation: { disableAnsiColor: true },
      localization: { text },
    },
    {
      help: help({ brief: 'Print this help', defaultForRouteMap: true, formatting }),
      version: version({ brief: 'Print the version', info: { currentVersion: context.version } }),
    },
  );
}

/** What the flags of a command take, by their names on the command line. */
function valuesOf(command: string | undefined): ReadonlyMap<string, string> {
  const { flags = {} } = routes[command as keyof typeof routes]?.parameters ?? {};
  const values = Object.entries(flags).flatMap(([name, flag]): [string, string][] =>
    'placeholder' in flag && flag.placeholder !== undefined
      ? [[name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), flag.placeholder]]
      : [],
  );
  return new Map(values);
}

/** Where the library writes: the help text of `command`, or of all, and the version. */
function helpOutput(context: CliContext, command: string | undefined): { write(text: string): void } {
  const values = valuesOf(command);
  return {
    write: (text) => context.stdout.write(fitHelp(text, textOptions(context).width, (flag) => values.get(flag))),
  };
}

/** Tells a wrong input from a defect: commands throw both. */
async function isInputError(context: CliContext, error: unknown): Promise<boolean> {
  if (error instanceof UsageError) return true;
  return context.loadEngine().then(
    (engine) => engine.isInputError(error),
    () => false,
  );
}

/**
 * Runs the command line `args` (without the program's name) and returns its exit status. Every error is one line on
 * stderr; nothing is thrown.
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<ExitStatus> {
  const complaints: string[] = [];
  let thrown: unknown;
  const text = {
    ...applicationText(Object.keys(routes)),
    exceptionWhileRunningCommand: (error: unknown) => {
      thrown = error;
      return oneLine(error);
    },
  };
  const self: CommandThis & { readonly process: { exitCode?: number | string | null } } = {
    process: { stdout: helpOutput(context, args[0]), stderr: { write: (line: string) => void complaints.push(line) } },
    cli: context,
    status: ExitStatus.ok,
  };
  await run(buildKmemlab(context, text), args, self);
  const complaint = complaints[0];
  if (complaint === undefined) return self.status;
  context.stderr.write(`kmemlab: ${oneLine(complaint)}\n`);
  if (thrown === undefined) return ExitStatus.usage;
  return (await isInputError(context, thrown)) ? ExitStatus.usage : ExitStatus.failed;
}
