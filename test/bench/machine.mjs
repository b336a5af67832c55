import { checkerFor } from '@kmemlab/experiments';
import { defaultConfig, KernelBuild, versions } from '@kmemlab/kernel';
import { resolveCosts, Topology } from '@kmemlab/machine';
import { SimMachine } from '@kmemlab/machine-sim';
import { createProgram, removeProgram } from '../../packages/experiments/dist/avoid-ipis/programs.js';

const silent = { record() {}, kick() {} };

/** The script of avoid-ipis on one node of 8 CPUs; returns the number of events. */
function script(loops, checked) {
  const build = new KernelBuild(
    versions.find(({ name }) => name === 'v4.10'),
    [],
    defaultConfig,
  );
  const topology = new Topology(1, 8);
  let machine;
  const checker = checkerFor(build, topology, () => machine);
  const common = { costs: resolveCosts(), seed: 1, strategy: 'time', durations: silent, stretches: [] };
  machine = new SimMachine({ build, topology, ...common, probe: checked ? checker : null });
  machine.boot();
  machine.run(() => machine.quiet, 1e9);
  const placement = { kind: 'pinned', cpu: 0 };
  const control = (pid) => ({ pid, stopped: () => false, tick: () => {} });
  const options = { loops, profile: 'tmpfs', pause: 0 };
  const pid = machine.startProgram('script', (own) => createProgram(control(own), options), placement);
  machine.run(() => machine.guest(pid).outcome !== null && machine.quiet, 1e9);
  machine.continueProgram(pid, removeProgram(control(pid), loops), placement);
  machine.run(() => machine.guest(pid).outcome !== null && machine.quiet, 1e9);
  if (machine.verdicts.length > 0 || machine.failure !== undefined) throw new Error('the run did not end well');
  return machine.digest.events;
}

/** Events of one run, and the run with and without the checker. */
export function machine(loops) {
  const events = script(loops, false);
  return { events, runs: { unchecked: () => script(loops, false), checked: () => script(loops, true) } };
}
