import { type Program, sys } from '@kmemlab/kernel';
import { HIERARCHY, Lab, type LabOptions } from './lab.js';

/**
 * A lab whose task goes into memcgs and comes back without opening anything there: it has opened the control file that
 * brings it back before.
 */
export class MemcgLab extends Lab {
  private readonly home: number;

  constructor(options: LabOptions) {
    super(options);
    this.run(sys.chdir(HIERARCHY));
    this.home = this.run(sys.open('cgroup.procs'));
  }

  /** Run a program in a memcg of this name, which is made first, on CPU0. */
  inMemcg(name: string, program: Program<unknown>): void {
    const { home } = this;
    const pid = `${this.taskPid}\n`;
    this.run(
      (function* enterAndLeave(): Program<void> {
        yield* sys.mkdir(name);
        const fd = yield* sys.open(`${name}/cgroup.procs`);
        yield* sys.write(fd, pid);
        yield* program;
        yield* sys.write(home, pid);
        yield* sys.close(fd);
      })(),
    );
  }

  /** Model time passes in which the task wakes up now and then, so that CPU0 reaps its caches. */
  nap(seconds: number): void {
    this.run(
      (function* naps(): Program<void> {
        for (let n = 0; n < 4 * seconds; n++) yield* sys.nanosleep(0.25e9);
      })(),
    );
  }

  /** Caches that memcgs have, over all nodes. */
  get memcgCaches(): number {
    return this.machine.nodes.flatMap((node) => [...node.caches.entries()]).filter(([, { root }]) => root !== 0).length;
  }
}

/** Ten empty files on tmpfs, which stay. The first one has the memcg's caches made. */
export function* tenFiles(name: string): Program<void> {
  for (let n = 0; n < 10; n++) {
    yield* sys.close(yield* sys.create(`/tmp/${name}-${n}`));
    if (n === 0) yield* sys.flushCreation();
  }
}

export function* unlinkTen(name: string): Program<void> {
  for (let n = 0; n < 10; n++) yield* sys.unlink(`/tmp/${name}-${n}`);
}
