import type { CpuWaits, NodeWaits, Waiting } from '@kmemlab/kernel';
import type { Step } from '@kmemlab/machine';

/** Who waits for what on a whole machine: every CPU and every node, read at about the same time. */
export interface MachineWaits {
  readonly cpus: readonly CpuWaits[];
  readonly nodes: readonly NodeWaits[];
}

/**
 * One party of the wait-for graph: a task that sleeps or waits for its CPU, or a CPU with the task and the interrupts on it,
 * which get on together or not at all.
 */
export interface Actor {
  /** Names it in every look at the same machine. */
  readonly key: string;
  readonly cpu: number;
  readonly waits: Waiting;
  /** Its task; 0 for an interrupt that came while the CPU was idle. */
  readonly task: Waiting | null;
  /** The CPU itself, not a task that left it. */
  readonly onCpu: boolean;
  readonly irqsOff: boolean;
  /** For messages: "script on CPU0". */
  readonly name: string;
}

/** Where an actor is, and since when it waits there. */
export function stepOf({ cpu, waits, task }: Actor): Step {
  const { name, kind, stack, since } = waits;
  const who = kind === 'task' ? name : `${task?.name ?? 'idle'} (${kind})`;
  return { cpu, task: who, function: stack[0] ?? 'idle', time: since, stack };
}

function nameOf(cpu: number, waits: Waiting, task: Waiting | null): string {
  if (waits.kind === 'task') return `${waits.name} on CPU${cpu}`;
  return `${waits.kind} on CPU${cpu} (over ${task?.name ?? 'idle'})`;
}

/** Every party of the graph, CPUs first, in an order that does not change from one look to the next. */
export class Actors {
  readonly all: readonly Actor[];
  private readonly byKey: ReadonlyMap<string, Actor>;
  private readonly byTask = new Map<number, Actor>();

  constructor({ cpus }: MachineWaits) {
    const ofCpus = cpus.flatMap(({ cpu, running, task, irqsOff }): Actor[] => {
      if (running === null) return [];
      const name = nameOf(cpu, running, task);
      return [{ key: `cpu ${cpu}`, cpu, waits: running, task, onCpu: true, irqsOff, name }];
    });
    const ofTasks = cpus.flatMap(({ cpu, others }) =>
      others.map((waits): Actor => {
        const key = `task ${waits.task}.${waits.syscall}`;
        return { key, cpu, waits, task: waits, onCpu: false, irqsOff: false, name: nameOf(cpu, waits, waits) };
      }),
    );
    this.all = [...ofCpus, ...ofTasks];
    this.byKey = new Map(this.all.map((actor) => [actor.key, actor]));
    for (const actor of this.all) if (actor.task !== null) this.byTask.set(actor.task.task, actor);
  }

  cpu(cpu: number): Actor | undefined {
    return this.byKey.get(`cpu ${cpu}`);
  }

  task(task: number): Actor | undefined {
    return this.byTask.get(task);
  }

  /** Tasks of this name. */
  named(name: string): readonly Actor[] {
    return this.all.filter(({ task }) => task?.name === name);
  }
}
