import type { KernelBuild, KernelNode, Tracepoint } from '@kmemlab/kernel';
import type { Handle, Step, Topology, Verdict } from '@kmemlab/machine';

/** A numbered rule of the specification. The checker's verdicts carry its id. */
export interface Invariant {
  readonly id: string;
  /** What must hold, in one sentence. */
  readonly rule: string;
}

/** What the checker needs of the machine it watches. It only reads, and what it reads costs the machine nothing. */
export interface MachineView {
  readonly topology: Topology;
  readonly build: KernelBuild;
  /** The state homed on each node; looked into by audits and on rare events only. */
  readonly nodes: readonly KernelNode[];
  report(verdict: Verdict): void;
  /** Where a CPU is now. Not cheap: it copies the kernel stack. */
  where(cpu: number): Step;
  /** Time of the machine's clock as a CPU sees it, ns. */
  now(cpu: number): number;
  /** Core.irqRegion of a CPU: odd while its interrupts are off. */
  irqRegion(cpu: number): number;
  /** Call-function interrupts that reached the CPU, and those of them that merged with one already pending. */
  received(cpu: number): number;
  merged(cpu: number): number;
  /** What the CPU's stock holds: a memcg and pages of it, an obj_cgroup and bytes of it. */
  stock(cpu: number): {
    readonly css: Handle;
    readonly pages: number;
    readonly objcg: Handle;
    readonly bytes: number;
  };
}

/** Hears one kind of tracepoint. The numbers mean what `Trace` says. */
export type Listener = (cpu: number, a: number, b: number, c: number, d: number) => void;

/**
 * How much is at rest when an audit is made. `interrupts`: no call-function interrupt is on its way. `quiet`: nothing is
 * in flight and no CPU runs kernel code. `stuck`: nothing will ever happen again.
 */
export type Rest = 'interrupts' | 'quiet' | 'stuck';

/** The checks of one family: a listener for each tracepoint it needs, and an audit of what is at rest. */
export interface Family {
  readonly listeners: readonly (readonly [Tracepoint, Listener])[];
  audit(rest: Rest): void;
}
