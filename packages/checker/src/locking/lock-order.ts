import { mutexNames } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import { mutexRules } from './rules.js';

const COUNT = mutexNames.length;

/** MTX-4: which mutex was ever asked for while which was held, by any task. Like lockdep, it needs no actual deadlock; if one follows, that is reported. */
export class LockOrder {
  /** Step of the first time that `inner` was asked for under `outer`, at outer × COUNT + inner. */
  private readonly edges: (Step | undefined)[] = new Array(COUNT * COUNT).fill(undefined);

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  nest(cpu: number, outer: number, inner: number, heldSince: Step | undefined): void {
    if (this.edges[outer * COUNT + inner] !== undefined) return;
    const now = this.view.where(cpu);
    this.edges[outer * COUNT + inner] = now;
    const path = this.path(inner, outer, new Set());
    if (path === undefined) return;
    const names = [outer, ...path].map((mutex) => mutexNames[mutex]);
    const earlier = this.edges[inner * COUNT + (path[1] ?? outer)] ?? heldSince;
    this.reporter.brokenSoFar(
      mutexRules.acyclic,
      mutexNames[inner] ?? '',
      earlier,
      now,
      `lock order has the cycle ${names.join(' → ')}`,
    );
  }

  /** Mutexes along a nesting from one to another, both included. */
  private path(from: number, to: number, seen: Set<number>): number[] | undefined {
    if (from === to) return [to];
    seen.add(from);
    for (let next = 0; next < COUNT; next++) {
      if (this.edges[from * COUNT + next] === undefined || seen.has(next)) continue;
      const rest = this.path(next, to, seen);
      if (rest !== undefined) return [from, ...rest];
    }
    return undefined;
  }
}
