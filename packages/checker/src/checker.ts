import { type Probe, Trace, type Tracepoint } from '@kmemlab/kernel';
import { Leaks } from './leaks/leaks.js';
import { Mutexes } from './locking/mutexes.js';
import { Memcgs } from './memcg/memcgs.js';
import { ObjCgroups } from './memcg/obj-cgroups.js';
import { LostReferences } from './percpu-ref/lost-references.js';
import { PercpuRefs } from './percpu-ref/percpu-refs.js';
import { Rcu } from './rcu/rcu.js';
import { Reporter } from './reporter.js';
import { SlabCaches } from './slab/slab-caches.js';
import { SlubCaches } from './slub/slub-caches.js';
import { CrossCpuCalls } from './smp/cross-cpu-calls.js';
import type { Family, Listener, MachineView, Rest } from './types.js';
import { Workqueues } from './workqueue/workqueues.js';

const TRACEPOINTS = Object.keys(Trace).length;

const deaf: Listener = () => {};

const both =
  (first: Listener, second: Listener): Listener =>
  (cpu, a, b, c, d) => {
    first(cpu, a, b, c, d);
    second(cpu, a, b, c, d);
  };

/** Who hears each tracepoint. They never change, and are frozen, so that no checkpoint keeps them. */
function listenersOf(families: readonly Family[]): readonly Listener[] {
  const all: Listener[] = new Array(TRACEPOINTS).fill(deaf);
  for (const { listeners } of families) {
    for (const each of Object.freeze(listeners)) {
      const [tracepoint, listener] = Object.freeze(each);
      const present = all[tracepoint] as Listener;
      all[tracepoint] = present === deaf ? listener : both(present, listener);
    }
  }
  return Object.freeze(all);
}

/**
 * Checks the numbered invariants on a running machine. It hears every tracepoint, in the order in which the steps
 * happen, and reports the first rule that breaks with the steps that break it. What cannot be seen in a single step is
 * left to `audit`.
 */
export class Checker implements Probe {
  /** By tracepoint. */
  private readonly listeners: readonly Listener[];
  private readonly families: readonly Family[];
  private readonly reporter: Reporter;

  constructor(view: MachineView) {
    const reporter = new Reporter(view);
    this.reporter = reporter;
    const calls = new CrossCpuCalls(view, reporter);
    const leaks = new Leaks(view, reporter);
    const refs = new PercpuRefs(view, reporter, leaks);
    const Caches = view.build.allocator.name === 'slub' ? SlubCaches : SlabCaches;
    const slab = new Caches(view, reporter, calls.answered);
    this.families = [
      calls,
      slab,
      new Rcu(view, reporter),
      refs,
      new Workqueues(view, reporter),
      new Mutexes(view, reporter),
      new Memcgs(view, reporter),
      new ObjCgroups(view, reporter),
      new LostReferences(view, refs, leaks),
      leaks,
    ];
    this.listeners = listenersOf(this.families);
  }

  emit(tracepoint: Tracepoint, cpu: number, a: number, b: number, c: number, d: number): void {
    (this.listeners[tracepoint] as Listener)(cpu, a, b, c, d);
  }

  /** Check what must hold of a machine that is at rest in this way. */
  audit(rest: Rest): void {
    this.conclude();
    this.inspect(rest);
  }

  /** The same, but a rule that was broken without harm is left for what may still come of it. */
  inspect(rest: Rest): void {
    for (const family of this.families) family.audit(rest);
  }

  /** What was reported is a rule that was broken without harm. */
  get concluded(): boolean {
    return this.reporter.concluded;
  }

  /** Report a rule that was broken without harm so far; for the end of a run that no audit has seen. */
  conclude(): void {
    this.reporter.conclude();
  }
}
