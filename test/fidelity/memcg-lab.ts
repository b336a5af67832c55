import { type Patch, type Program, patchApi, readFile, sys, writeFile } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import { HIERARCHY, Lab, type LabOptions } from './lab.js';

export const PAGE = 4096;

export function* moveTo(directory: string, pid: number): Program<void> {
  yield* writeFile(`${HIERARCHY}/${directory}/cgroup.procs`, `${pid}\n`);
}

/** Where the task of these labs runs: its stock and arrays are there. */
export const onCpu1 = { kind: 'pinned', cpu: 1 } as const;

/** A lab whose task is in memcg `a`, with its caches, on CPU1; the control files of the root are looked up already. */
export function labInMemcg(options: LabOptions = {}): Lab {
  const lab = new Lab(options);
  lab.run(sys.chdir(HIERARCHY), onCpu1);
  lab.run(moveTo('', lab.taskPid), onCpu1);
  lab.run(sys.mkdir('a'), onCpu1);
  lab.run(moveTo('a', lab.taskPid), onCpu1);
  for (let n = 0; n < 2; n++) {
    lab.run(tmpFile('/tmp/warm'), onCpu1);
    lab.flushCreation();
  }
  return lab;
}

export function* tmpFile(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
  yield* sys.unlink(path);
}

/** More files than the memcg has room for. */
export function* createMany(): Program<void> {
  for (let n = 0; n < 2000; n++) yield* sys.close(yield* sys.create(`/tmp/f${n}`));
}

export const memcgOf = (lab: Lab, name: string): Handle => {
  for (const node of lab.machine.nodes) {
    for (const [handle, css] of node.csses.entries()) if (css.memcg !== null && css.name === name) return handle;
  }
  throw new Error(`there is no memcg ${name}`);
};

/** Pages that are charged to a memcg's memory counter. */
export const usageOf = (lab: Lab, name: string): number =>
  lab.machine.nodes
    .flatMap(({ csses }) => [...csses.entries()])
    .find(([, css]) => css.memcg !== null && css.name === name)?.[1].memcg?.counters.memory.usage ?? 0;

/** Unused dentries on the memcg's lists. */
export const unused = (lab: Lab, memcg: Handle): number =>
  lab.machine.nodes.reduce((sum, { listLrus, published }) => {
    const id = published.csses.read(memcg, patchApi.CssField.kmemcgId) - 1;
    return sum + listLrus.of('cgroup').count(id);
  }, 0);

let directories = 0;

/** Look up a control file in each of so many new cgroups: that leaves unused dentries, charged to the caller. */
export function* lookUp(many: number): Program<void> {
  for (let n = 0; n < many; n++) {
    const directory = `${HIERARCHY}/dir${directories++}`;
    yield* sys.mkdir(directory);
    yield* readFile(`${directory}/memory.failcnt`);
  }
}

/** A patch for one spec. */
export const changed = (name: string, apply: Patch['apply']): Patch => ({ name, summary: name, apply });
