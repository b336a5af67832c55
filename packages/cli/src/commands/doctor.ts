import type { Broker, FloorSet } from '@kmemlab/coordinator';
import { formatBytes, heading, oneLine, paragraph, plural, type TextOptions, toJson } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { floorTable } from '../floor-table.js';
import { serverFlag } from '../server-flag.js';
import { textOptions } from '../terminal.js';
import { type CliContext, type CommandThis, ExitStatus, type Host, type HostReport } from '../types.js';

interface DoctorFlags {
  readonly nats?: string;
  readonly json: boolean;
}

/** What the doctor found. A problem takes the place of what it prevented. */
interface Diagnosis {
  readonly host: HostReport;
  readonly broker: { readonly kind: Broker['kind']; readonly describe: string } | { readonly problem: string };
  readonly floors: FloorSet | { readonly problem: string };
}

const problemOf = (error: unknown) => ({ problem: oneLine(error) });

/** The floors with the broker; if that fails, without it, and then the broker is at fault if that works. */
async function measure(host: Host, broker: Broker, signal: AbortSignal): Promise<Pick<Diagnosis, 'broker' | 'floors'>> {
  const { kind, describe } = broker;
  const floors = await host.calibrate({ quick: true, signal, broker }).catch(problemOf);
  if (!('problem' in floors)) return { broker: { kind, describe }, floors };
  const without = await host.calibrate({ quick: true, signal }).catch(problemOf);
  if ('problem' in without) return { broker: { kind, describe }, floors: without };
  return { broker: floors, floors: without };
}

async function examine(host: Host, flags: DoctorFlags, cli: CliContext): Promise<Diagnosis> {
  const { env, signal } = cli;
  const report = await host.describe(env);
  const broker = await host.openBroker({ url: flags.nats, env }).catch(problemOf);
  if ('problem' in broker) {
    const floors = await host.calibrate({ quick: true, signal }).catch(problemOf);
    return { host: report, broker, floors };
  }
  try {
    return { host: report, ...(await measure(host, broker, signal)) };
  } finally {
    await broker.close();
  }
}

function facts({ host, broker }: Diagnosis): (readonly [string, string])[] {
  const { total, free } = host.memory;
  const { nodes, cpusPerNode } = host.largest;
  const largest = `up to ${nodes * cpusPerNode} (${nodes} ${plural(nodes, 'node')} of ${cpusPerNode})`;
  return [
    ['cores', `${host.cores} (${host.cpu})`],
    ['memory', `${formatBytes(total)}, ${formatBytes(free)} free`],
    ['Node.js', host.node],
    ['CPUs', `up to ${host.cpusInOneNode} on one node; ${largest} in all`],
    ['pinning', host.taskset === null ? 'not available: no taskset on PATH' : `--pin, with ${host.taskset}`],
    ['nats-server', host.natsServer === null ? 'not on PATH' : `${host.natsServer.version} (${host.natsServer.path})`],
    ['broker', 'problem' in broker ? `none: ${broker.problem}` : broker.describe],
  ];
}

function render(diagnosis: Diagnosis, options: TextOptions): string {
  const lines = facts(diagnosis);
  const width = Math.max(...lines.map(([name]) => name.length));
  const { cores } = diagnosis.host;
  const advice = `More CPUs than ${cores} ${plural(cores, 'core')} show order and liveness, not cost: compare times as ratios to these floors, pinned.`;
  const { floors } = diagnosis;
  return [
    heading(options, 'this computer'),
    ...lines.flatMap(([name, text]) => paragraph(options, `  ${name.padEnd(width)}  `, text)),
    '',
    heading(options, 'floors: what a round trip costs here without a kernel (host time, a quick look)'),
    ...('problem' in floors
      ? paragraph(options, '  ', `not measured: ${floors.problem}`)
      : floorTable(floors, options)),
    '',
    ...paragraph(options, '', advice),
    '',
  ].join('\n');
}

const DESCRIPTION = `Says what this computer can run: cores, memory, the largest live machine, whether nodes can be pinned to cores,
which broker a run would use, and what a round trip between threads and processes costs here (a look of about a second;
kmemlab calibrate measures thoroughly). Starts nothing that stays.

Exit status: 0, also if something is missing: the text says what; 130 interrupted.

EXAMPLES
  kmemlab doctor
  kmemlab doctor --nats nats://127.0.0.1:4222      can it use this server?
  kmemlab doctor --json`;

export const doctorCommand = buildCommand<DoctorFlags, [], CommandThis>({
  async func(flags) {
    const { cli } = this;
    const diagnosis = await examine(await cli.loadHost(), flags, cli);
    if (cli.signal.aborted) {
      this.status = ExitStatus.interrupted;
      return;
    }
    const text = flags.json
      ? toJson({ schema: 'kmemlab.doctor/1', ...diagnosis })
      : render(diagnosis, textOptions(cli));
    cli.stdout.write(text);
  },
  parameters: {
    flags: {
      nats: serverFlag,
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print a kmemlab.doctor/1 document' },
    },
  },
  docs: { brief: 'Say what this computer can run', fullDescription: DESCRIPTION },
});
