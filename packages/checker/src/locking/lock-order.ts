import { mutexNames } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { mutexRules } from './rules.js';

/**
 * cpu_hotplug held for reading and for writing, after the mutexes. Readers let each other in, so who asks as a reader waits for
 * the writer only.
 */
export const HOTPLUG_READ = mutexNames.length;
export const HOTPLUG_WRITE = HOTPLUG_READ + 1;

const lockNames: readonly string[] = [...mutexNames, 'cpu_hotplug (read)', 'cpu_hotplug (written)'];
const COUNT = lockNames.length;

/** One lock was asked for while another was held. */
interface Nesting {
  /** The first time; undefined if the kernel does so whether it is seen or not. */
  readonly step: Step | undefined;
}

/** MTX-4: which lock was ever asked for while which was held, by any task. Like lockdep, it needs no actual deadlock; if one follows, that is reported. */
export class LockOrder {
  /** By outer × COUNT + inner. */
  private readonly edges = new Map<number, Nesting>();

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {
    // What the allocators do for a CPU that comes or goes.
    this.edges.set(HOTPLUG_WRITE * COUNT + mutexNames.indexOf('slab_mutex'), { step: undefined });
  }

  nest(cpu: number, outer: number, inner: number, heldSince: Step | undefined): void {
    if (this.edges.has(outer * COUNT + inner)) return;
    const now = this.view.where(cpu);
    this.edges.set(outer * COUNT + inner, { step: now });
    const path = this.path(inner, outer, new Set());
    if (path === undefined) return;
    const names = [outer, ...path].map((lock) => lockNames[lock]);
    const earlier = this.edges.get(inner * COUNT + (path[1] ?? outer))?.step ?? heldSince;
    this.reporter.brokenSoFar(
      mutexRules.acyclic,
      lockNames[inner] ?? '',
      earlier,
      now,
      `lock order has the cycle ${names.join(' → ')}`,
    );
  }

  /** Locks along a nesting from one to another, both included. */
  private path(from: number, to: number, seen: Set<number>): number[] | undefined {
    if (from === to) return [to];
    seen.add(from);
    for (let next = 0; next < COUNT; next++) {
      if (!this.edges.has(from * COUNT + next) || seen.has(next)) continue;
      const rest = this.path(next, to, seen);
      if (rest !== undefined) return [from, ...rest];
    }
    return undefined;
  }
}
