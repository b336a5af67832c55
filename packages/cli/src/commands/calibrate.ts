import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { FloorSet } from '@kmemlab/coordinator';
import { type HostPairs, heading, roundTripTable, toJson } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { filled } from '../flags.js';
import { floorTable } from '../floor-table.js';
import { serverFlag } from '../server-flag.js';
import { StepLine } from '../step-line.js';
import { textOptions } from '../terminal.js';
import { type CliContext, type CommandThis, ExitStatus, type HostReport } from '../types.js';
import { UsageError } from '../usage-error.js';
import { writeDocument } from '../write-document.js';

interface CalibrateFlags {
  readonly out?: string;
  readonly nats?: string;
  readonly pin: boolean;
  readonly quick: boolean;
  readonly json: boolean;
}

/** What `kmemlab calibrate` stores. */
interface FloorsDocument {
  readonly schema: 'kmemlab.floors/1';
  readonly measuredAt: string;
  readonly host: HostReport;
  readonly broker: string;
  readonly pinned: boolean;
  readonly floors: FloorSet;
  /** Between the nodes registered at the broker, if there are some. */
  readonly hosts?: HostPairs;
}

/** The user's cache directory, as the XDG base directory specification has it: a relative one does not count. */
function defaultFile(env: CliContext['env']): string {
  const cache = env.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(cache) ? cache : join(env.HOME || homedir(), '.cache'), 'kmemlab', 'floors.json');
}

/** Rejects with the signal's reason when interrupted, and with a usage error if there is no such broker. */
async function measure(cli: CliContext, flags: CalibrateFlags): Promise<FloorsDocument> {
  const host = await cli.loadHost();
  const report = await host.describe(cli.env);
  if (flags.pin && report.taskset === null)
    throw new UsageError('--pin: no taskset on PATH; install it or leave --pin out');
  const broker = await host.openBroker({ url: flags.nats, env: cli.env });
  const progress = new StepLine(cli.stderr);
  try {
    const { signal } = cli;
    const { quick, pin } = flags;
    const floors = await host.calibrate({ quick, pin, broker, signal, onProgress: progress.show });
    const hosts = broker.kind === 'given' ? await host.betweenNodes({ broker, env: cli.env, signal }) : null;
    const measuredAt = cli.now().toISOString();
    return {
      schema: 'kmemlab.floors/1',
      measuredAt,
      host: report,
      broker: broker.describe,
      pinned: flags.pin,
      floors,
      ...(hosts !== null && { hosts }),
    };
  } finally {
    progress.clear();
    await broker.close();
  }
}

const DESCRIPTION = `Measures what a round trip between threads and processes costs on this computer without a kernel, and stores it
beside a description of the computer. Live figures are to be read as ratios to these floors. Takes about half a minute;
nothing else should run meanwhile. With --pin the two processes get a core each, which is the steadier figure. With --nats it also
measures what an idle message between each pair of the nodes that are registered there takes.

The file is $XDG_CACHE_HOME/kmemlab/floors.json, or ~/.cache/kmemlab/floors.json, unless --out names another.

Exit status: 0 ok, 2 wrong usage or input, 3 a floor could not be measured or stored, 130 interrupted.

EXAMPLES
  kmemlab calibrate
  kmemlab calibrate --pin --out floors.json
  kmemlab calibrate --quick --json
  kmemlab calibrate --nats nats://lab.example:4222`;

export const calibrateCommand = buildCommand<CalibrateFlags, [], CommandThis>({
  async func(flags) {
    const { cli } = this;
    let document: FloorsDocument;
    try {
      document = await measure(cli, flags);
    } catch (error) {
      if (!cli.signal.aborted) throw error;
      this.status = ExitStatus.interrupted;
      return;
    }
    const text = toJson(document);
    const options = textOptions(cli);
    const title = `floors of this computer, ${document.pinned ? 'pinned' : 'not pinned'} (host time; ${document.broker})`;
    const pairs =
      document.hosts === undefined
        ? []
        : ['', heading(options, 'between the registered nodes'), ...roundTripTable(document.hosts, options)];
    const table = [heading(options, title), ...floorTable(document.floors, options), ...pairs, ''].join('\n');
    cli.stdout.write(flags.json ? text : table);
    const file = flags.out ?? defaultFile(cli.env);
    writeDocument(file, text, '--out', cli.fileSystem);
    cli.stderr.write(`stored: ${file}\n`);
  },
  parameters: {
    flags: {
      out: {
        kind: 'parsed',
        parse: filled,
        optional: true,
        placeholder: 'FILE',
        brief: 'Where to store it (default: in the cache directory)',
      },
      nats: serverFlag,
      pin: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Measure on fixed cores, one per process, with taskset',
      },
      quick: { kind: 'boolean', default: false, withNegated: false, brief: 'A look of about a second' },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print the kmemlab.floors/1 document' },
    },
  },
  docs: { brief: "Measure and store this computer's floors", fullDescription: DESCRIPTION },
});
