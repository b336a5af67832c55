import { argv, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { defaultConfig, KernelBuild, kickAllCpusSync, versions } from '@kmemlab/kernel';
import { BOOT_CPU, call, profileModel, resolveCosts, Topology } from '@kmemlab/machine';
import { SimMachine } from '@kmemlab/machine-sim';

const STEPS = 1e8;

/** The constants of a profile, or one end of the range of each. */
function costsOf(profile, end) {
  const ends = Object.entries(profileModel(profile)).map(([name, { ns, range }]) => [
    name,
    { low: range[0], typical: ns, high: range[1] }[end],
  ]);
  return resolveCosts(Object.fromEntries(ends), profile);
}

function settle(machine, until) {
  const why = machine.run(until, STEPS);
  if (machine.failure !== undefined) throw machine.failure;
  if (why !== 'reached') throw new Error(`the machine stopped: ${why} ${JSON.stringify(machine.verdicts)}`);
}

/**
 * One kick_all_cpus_sync by the boot CPU of a booted 4.10 machine on which nothing else runs: its parts along the CPU that
 * answered last, in ns of model time.
 * @param end 'low', 'typical' or 'high': which end of each constant's range
 */
export function kick({ profile, nodes, cpus, end = 'typical' }) {
  const version = versions.find(({ name }) => name === 'v4.10');
  const build = new KernelBuild(version, [], defaultConfig);
  const kicks = [];
  const durations = { record() {}, kick: (split) => kicks.push(split) };
  const topology = new Topology(nodes, cpus / nodes);
  const common = { costs: costsOf(profile, end), seed: 1, strategy: 'time', durations, probe: null, stretches: [] };
  const machine = new SimMachine({ build, topology, ...common });
  machine.boot();
  settle(machine, () => machine.quiet);
  const before = kicks.length;
  const cpu = machine.cpus[BOOT_CPU];
  cpu.spawn(
    'kick',
    function* once() {
      yield* call(kickAllCpusSync, cpu);
    },
    [],
  );
  cpu.run();
  settle(machine, () => kicks.length > before && machine.quiet);
  return kicks[before];
}

if (argv[1] === fileURLToPath(import.meta.url)) stdout.write(JSON.stringify(kick(JSON.parse(argv[2]))));
