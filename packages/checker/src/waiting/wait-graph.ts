import type { CpuWaits } from '@kmemlab/kernel';
import { type Actor, Actors, type MachineWaits } from './actors.js';
import { gracePeriodOf } from './grace-period.js';

/** What kind of thing an actor waits for. */
export type WaitKind = 'mutex' | 'spinlock' | 'call' | 'flush' | 'grace-period' | 'cpu';

/** An actor cannot get on before another one does. */
export interface Wait {
  readonly kind: WaitKind;
  /** The lock, the workqueue or the grace period, by name. */
  readonly object: string;
  readonly from: Actor;
  readonly to: Actor;
}

/**
 * Who waits for whom. Each actor waits for all to whom its waits lead, so a cycle is a deadlock, whatever else goes on. Who
 * waits for a timer, for an answer or for nothing that is known leads nowhere.
 */
export class WaitGraph {
  readonly actors: Actors;
  private readonly waits = new Map<Actor, readonly Wait[]>();

  constructor(private readonly machine: MachineWaits) {
    this.actors = new Actors(machine);
    for (const actor of this.actors.all) this.waits.set(actor, this.find(actor));
  }

  waitsOf(actor: Actor): readonly Wait[] {
    return this.waits.get(actor) ?? [];
  }

  /** The first cycle that there is, as the waits along it; undefined if there is none. */
  cycle(): readonly Wait[] | undefined {
    const done = new Set<Actor>();
    for (const actor of this.actors.all) {
      const found = this.search(actor, [], done);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  private search(actor: Actor, path: readonly Wait[], done: Set<Actor>): readonly Wait[] | undefined {
    const start = path.findIndex(({ from }) => from === actor);
    if (start >= 0) return path.slice(start);
    if (done.has(actor)) return undefined;
    for (const wait of this.waitsOf(actor)) {
      const found = this.search(wait.to, [...path, wait], done);
      if (found !== undefined) return found;
    }
    done.add(actor);
    return undefined;
  }

  private find(from: Actor): Wait[] {
    const { waits, cpu } = from;
    const leadingTo = (kind: WaitKind, object: string, to: readonly (Actor | undefined)[]): Wait[] =>
      to.flatMap((actor) => (actor === undefined ? [] : [{ kind, object, from, to: actor }]));
    if (waits.doing === 'queued') return leadingTo('cpu', `CPU${cpu}`, [this.actors.cpu(cpu)]);
    if (waits.waiter === 0) return [];
    if (waits.target >= 0) return leadingTo('call', `a call to CPU${waits.target}`, [this.deafCpu(waits.target)]);
    return [
      ...this.locks(waits.waiter).flatMap(({ kind, name, owner }) => leadingTo(kind, name, [owner])),
      ...this.flushes(waits.waiter).flatMap(({ queue, workers }) => leadingTo('flush', queue, workers)),
      ...this.gracePeriods(waits.waiter).flatMap(({ object, owing }) => leadingTo('grace-period', object, owing)),
    ];
  }

  /** A CPU with interrupts off, which runs no call until it turns them on. */
  private deafCpu(cpu: number): Actor | undefined {
    const actor = this.actors.cpu(cpu);
    return actor?.irqsOff ? actor : undefined;
  }

  private locks(waiter: number): { kind: WaitKind; name: string; owner: Actor | undefined }[] {
    return this.machine.nodes.flatMap(({ mutexes, spinlocks }) => [
      ...mutexes
        .filter(({ waiters }) => waiters.includes(waiter))
        .map(({ name, owner }) => ({ kind: 'mutex' as const, name, owner: this.actors.task(owner) })),
      ...spinlocks
        .filter(({ waiters }) => waiters.includes(waiter))
        .map(({ name, holder }) => ({ kind: 'spinlock' as const, name, owner: this.actors.cpu(holder) })),
    ]);
  }

  /** A flush waits for the workers that execute its items, or for those that are still to begin with them. */
  private flushes(waiter: number): { queue: string; workers: readonly (Actor | undefined)[] }[] {
    const flushes = this.machine.nodes.flatMap((node) => node.flushes.filter((flush) => flush.waiter === waiter));
    return flushes.map(({ queue, thread, workers }) => ({
      queue,
      workers:
        workers.length > 0
          ? workers.map((task) => this.actors.task(task))
          : this.actors.named(thread).filter(({ waits }) => waits.doing === 'queued'),
    }));
  }

  /** A callback waits for its grace period, and that for all CPUs which owe a quiescent state; then for its own CPU. */
  private gracePeriods(waiter: number): { object: string; owing: readonly (Actor | undefined)[] }[] {
    return this.machine.cpus.flatMap((cpu) =>
      cpu.callbacks
        .filter((callback) => callback.waiter === waiter)
        .map(({ flavour, gp }) => {
          const period = gracePeriodOf(this.machine, flavour);
          if (gp <= period.completed) return { object: `a callback on CPU${cpu.cpu}`, owing: [this.withoutSoftirq(cpu)] };
          const cpus = period.owing.map((owes) => this.actors.cpu(owes));
          const readers = period.readers.map(({ task }) => this.actors.task(task));
          return { object: `a grace period of ${flavour}`, owing: [...cpus, ...readers, ...this.actors.named(flavour)] };
        }),
    );
  }

  /** A CPU that cannot run softirqs before it gets on with what it does. */
  private withoutSoftirq({ cpu, irqsOff, inInterrupt }: CpuWaits): Actor | undefined {
    return irqsOff || inInterrupt ? this.actors.cpu(cpu) : undefined;
  }
}
