import { Checker, type MachineView, type Rest } from '@kmemlab/checker';
import type { KernelBuild } from '@kmemlab/kernel';
import type { Topology } from '@kmemlab/machine';
import type { SimMachine } from '@kmemlab/machine-sim';

/**
 * A checker for a machine that is still to be made: it hears every tracepoint, reports into the machine, and audits what is
 * at rest at each phase mark.
 */
export function checkerFor(build: KernelBuild, topology: Topology, machine: () => SimMachine): Checker {
  const view: MachineView = {
    topology,
    build,
    get nodes() {
      return machine().nodes;
    },
    report: (verdict) => machine().report(verdict),
    where: (cpu) => cpuOf(machine(), cpu).step(),
    now: (cpu) => cpuOf(machine(), cpu).now(),
    irqRegion: (cpu) => cpuOf(machine(), cpu).irqRegion,
    received: (cpu) => machine().received[cpu] ?? 0,
    merged: (cpu) => machine().merged[cpu] ?? 0,
    stock: (cpu) => cpuOf(machine(), cpu).stock,
  };
  return new Checker(view);
}

const cpuOf = (machine: SimMachine, cpu: number) => machine.cpus[cpu] as NonNullable<(typeof machine.cpus)[number]>;

/** How much of the machine is at rest now. */
export const restOf = (machine: SimMachine): Rest => (machine.quiet ? 'quiet' : 'interrupts');
