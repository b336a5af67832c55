import { Checker, type MachineView } from '@kmemlab/checker';
import { type Cpu, patchApi, READ_OBJCG_MEMCG, sys, type Tracepoint, writeFile } from '@kmemlab/kernel';
import type { Coroutine, Handle, Verdict } from '@kmemlab/machine';
import { expect, test } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

const { call, getObjCgroup, mutexLock, mutexUnlock, objCgroupCharge, objCgroupPut, wait } = patchApi;

const MS = 1e6;

/** A lab whose tracepoints the checker hears from the boot on. */
class CheckedLab extends Lab {
  // Made while the base class boots the machine, which is before this one's fields would be initialised.
  declare private checker: Checker | undefined;
  declare private found: Verdict[] | undefined;

  override emit(point: Tracepoint, cpu: number, a: number, b: number, c: number, d: number): void {
    super.emit(point, cpu, a, b, c, d);
    this.checker ??= new Checker(this.view());
    this.checker.emit(point, cpu, a, b, c, d);
  }

  get verdicts(): Verdict[] {
    this.found ??= [];
    return this.found;
  }

  private view(): MachineView {
    const { machine, verdicts } = this;
    const cpuOf = (cpu: number): Cpu => this.cpu(cpu);
    return {
      topology: cpuOf(0).topology,
      build: cpuOf(0).build,
      nodes: machine.nodes,
      report: (verdict) => verdicts.push(verdict),
      where: (cpu) => cpuOf(cpu).step(),
      now: (cpu) => cpuOf(cpu).now(),
      irqRegion: (cpu) => cpuOf(cpu).irqRegion,
      received: (cpu) => machine.received[cpu] ?? 0,
      merged: (cpu) => machine.merged[cpu] ?? 0,
      stock: (cpu) => cpuOf(cpu).stock,
    };
  }
}

/** Run kernel code on a CPU in a thread of its own. */
function kernelThread(lab: Lab, id: number, code: (cpu: Cpu) => Coroutine<void>): { done: boolean } {
  const cpu = lab.cpu(id);
  const thread = { done: false };
  const spec = function* spec(): Coroutine<void> {
    yield* call(code, cpu);
    thread.done = true;
  };
  cpu.spawn('spec', spec, []);
  cpu.run();
  return thread;
}

function findMemcg(lab: Lab, name: string): Handle {
  const csses = lab.machine.nodes.flatMap((node) => [...node.csses.entries()]);
  return csses.find(([, css]) => css.memcg !== null && css.name === name)?.[0] ?? 0;
}

/**
 * V6-b: a charge has read the memcg of an obj_cgroup and is about to take a reference. Meanwhile that memcg goes offline, its
 * obj_cgroup goes to the parent, and its last reference goes. `stretched` holds the CPU between the two.
 */
function chargeWhileOfflining(stretched: boolean): readonly Verdict[] {
  const lab = new CheckedLab({ version: 'v5.9', cpus: 4 });
  lab.run(sys.chdir(HIERARCHY));
  lab.run(writeFile('cgroup.procs', `${lab.taskPid}\n`));
  lab.run(sys.mkdir('a'));
  lab.settle();
  const memcg = findMemcg(lab, 'a');
  if (stretched) {
    const window = { maxNs: 400 * MS, tailNs: 40 * MS, holdNs: 0, times: 1 };
    lab.cpu(1).stretches = [{ label: READ_OBJCG_MEMCG, cpu: 1, cache: '', ...window }];
  }
  let go = 0;
  let letGo = 0;
  const charger = kernelThread(lab, 1, function* charge(cpu) {
    const objcg = yield* call(getObjCgroup, cpu, memcg);
    go = cpu.newWaiter();
    yield* wait(go);
    yield* call(objCgroupCharge, cpu, objcg, 200);
    yield* call(objCgroupPut, cpu, objcg);
  });
  lab.until(() => go !== 0);
  lab.run(sys.rmdir('a'));
  const holder = kernelThread(lab, 2, function* holdCgroupMutex(cpu) {
    yield* call(mutexLock, cpu, 'cgroup_mutex');
    letGo = cpu.newWaiter();
    yield* wait(letGo);
    yield* call(mutexUnlock, cpu, 'cgroup_mutex');
  });
  lab.pass(200 * MS);
  wakeUp(lab, 1, go);
  lab.pass(MS);
  wakeUp(lab, 2, letGo);
  lab.until(() => charger.done && holder.done);
  return lab.verdicts;
}

function wakeUp(lab: Lab, cpu: number, waiter: number): void {
  lab.cpu(cpu).deliverCompletion(waiter, 0);
  lab.cpu(cpu).run();
}

test('a charge that takes a reference on a memcg which has just lost its last one breaks REF-2 (V6-b)', () => {
  const [verdict] = chargeWhileOfflining(true);
  expect(verdict).toMatchObject({ class: 'invariant-broken', id: 'REF-2' });
  expect(verdict?.steps.at(-1)?.stack).toContain('objCgroupCharge');
});

test('the same charge without the window in between finds the parent or keeps the memcg', () => {
  expect(chargeWhileOfflining(false)).toEqual([]);
});
