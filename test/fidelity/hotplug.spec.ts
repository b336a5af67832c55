import { HotplugStep, type Program, readFile, setCpuOnline, sys, Trace, writeFile } from '@kmemlab/kernel';
import { describe, expect, test } from 'vitest';
import { HIERARCHY, Lab } from './lab.js';

const MS = 1e6;
const SECOND = 1e9;

/** One memcg that is entered, used and left; what is looked up outside of it has been looked up before. */
function* useMemcg(pid: number, name: string): Program<void> {
  yield* sys.chdir(HIERARCHY);
  yield* sys.close(yield* sys.open('cgroup.procs'));
  yield* sys.mkdir(name);
  yield* writeFile(`${name}/cgroup.procs`, `${pid}\n`);
  yield* sys.close(yield* sys.create(`/tmp/${name}`));
  yield* sys.unlink(`/tmp/${name}`);
  yield* sys.flushWorkqueue('memcg_kmem_cache_create');
  yield* writeFile('cgroup.procs', `${pid}\n`);
}

/** Start a program that knows its pid on a CPU, beside the lab's task. */
const startOn = (lab: Lab, cpu: number, program: (pid: number) => Program<void>): number =>
  lab.machine.startProgram(`task on CPU${cpu}`, program, { kind: 'pinned', cpu });

const onlineIn = (lab: Lab): readonly number[] => lab.machine.nodes[0]?.published.onlineCpus() ?? [];

describe('a CPU that goes down', () => {
  test('is offline on every node, and its file says so', () => {
    const lab = new Lab({ nodes: 2, cpus: 2 });
    lab.run(setCpuOnline(2, false));
    for (const { published } of lab.machine.nodes) expect(published.onlineCpus()).toEqual([0, 1, 3]);
    expect(lab.run(readFile('/sys/devices/system/cpu/cpu2/online'))).toBe('0\n');
    expect(lab.run(readFile('/sys/devices/system/cpu/cpu3/online'))).toBe('1\n');
  });

  test('gets no kick: each cpu_cache change interrupts the online CPUs only', () => {
    const lab = new Lab({ cpus: 4 });
    lab.run(setCpuOnline(2, false));
    lab.settle();
    const kicks = lab.count('kick_all_cpus_sync');
    const calls = lab.calls(() => {
      lab.run(sys.initModule('module_cache', 320));
      lab.settle();
    });
    expect(lab.count('kick_all_cpus_sync') - kicks).toBe(1);
    expect(calls).toEqual([0, 1, 0, 1]);
  });

  test('has no column in /proc/interrupts', () => {
    const lab = new Lab({ cpus: 4 });
    lab.run(setCpuOnline(1, false));
    const [header = '', row = ''] = lab.run(readFile('/proc/interrupts')).split('\n');
    expect(header.trim().split(/\s+/)).toEqual(['CPU0', 'CPU2', 'CPU3']);
    expect(row.match(/\d+/g)).toHaveLength(3);
  });

  test('is idle: no tick, and never a quiescent state to wait for', () => {
    const lab = new Lab({ cpus: 4 });
    lab.run(setCpuOnline(3, false));
    lab.settle();
    const { ownWords } = lab.cpu(3);
    const ticks = ownWords.interrupts.localTimer;
    expect(ownWords.dynticks % 2).toBe(0);
    lab.run(useMemcg(lab.taskPid, 'a'));
    lab.run(sys.rmdir('a'));
    lab.run(sys.nanosleep(5 * SECOND));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/']);
    expect(ownWords.interrupts.localTimer).toBe(ticks);
    expect(ownWords.idle).toBe(true);
  });

  test('gives its callbacks, its stock and its objects back: nothing of a removed memcg stays', () => {
    const lab = new Lab({ cpus: 4 });
    const pid = startOn(lab, 2, function* usesAndLeaves(own) {
      yield* useMemcg(own, 'b');
      yield* sys.rmdir('b');
    });
    lab.finish(pid);
    expect(lab.cpu(2).rcu.length).toBeGreaterThan(0);
    lab.run(setCpuOnline(2, false));
    expect(lab.cpu(2).rcu.length).toBe(0);
    expect(lab.cpu(2).stock.pages).toBe(0);
    expect(
      lab
        .cpu(2)
        .ownWords.arrays.values()
        .every(({ avail }) => avail === 0),
    ).toBe(true);
    lab.run(sys.nanosleep(5 * SECOND));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/']);
  });

  test('leaves its work items to other CPUs, which run each once', () => {
    const lab = new Lab({ cpus: 2 });
    const events = lab.during(() => {
      const pid = startOn(lab, 1, function* removesMany(own) {
        for (let i = 0; i < 8; i++) yield* useMemcg(own, `${i}`);
        for (let i = 0; i < 8; i++) yield* sys.rmdir(`${i}`);
      });
      lab.finish(pid);
      lab.run(setCpuOnline(1, false));
      lab.run(sys.nanosleep(5 * SECOND));
      lab.settle();
    });
    const of = (point: number) => events.filter((event) => event.point === point);
    expect(of(Trace.workStart)).toHaveLength(of(Trace.workEnd).length);
    expect(lab.memcgs()).toEqual(['/']);
  });

  test('lets the tasks that are on it finish what they do, and run elsewhere then', () => {
    const lab = new Lab({ cpus: 4 });
    const pid = startOn(lab, 3, function* sleeps() {
      yield* sys.nanosleep(20 * MS);
      for (let i = 0; i < 3; i++) yield* sys.nanosleep(MS);
    });
    const before = lab.machine.modelTime;
    lab.run(setCpuOnline(3, false));
    expect(lab.machine.modelTime - before).toBeGreaterThan(15 * MS);
    lab.finish(pid);
    expect(lab.machine.callsOf(pid)).toBe(4);
    expect(onlineIn(lab)).toEqual([0, 1, 2]);
  });

  test('comes back as it was: it is kicked, it ticks, it reaps', () => {
    const lab = new Lab({ cpus: 3 });
    lab.run(setCpuOnline(1, false));
    lab.run(setCpuOnline(1, true));
    lab.settle();
    expect(onlineIn(lab)).toEqual([0, 1, 2]);
    expect(lab.calls(() => lab.run(sys.initModule('module_cache', 320)))).toEqual([0, 1, 1]);
    const pid = lab.start(sys.nanosleep(5 * SECOND), 1);
    const reaped = lab.during(() => lab.finish(pid)).filter(({ point, cpu }) => point === Trace.workStart && cpu === 1);
    expect(reaped.length).toBeGreaterThan(0);
  });

  test.each([0, 7])('may be taken down and brought up again and again while others work (seed %i)', (seed) => {
    const lab = new Lab({ nodes: 2, cpus: 2, seed, strategy: 'random' });
    const pids = [1, 2, 3].map((cpu) =>
      startOn(lab, cpu, function* works(own) {
        for (let i = 0; i < 4; i++) {
          yield* useMemcg(own, `${cpu}-${i}`);
          yield* sys.rmdir(`${cpu}-${i}`);
        }
      }),
    );
    for (const cpu of [3, 1, 2, 3]) {
      lab.run(setCpuOnline(cpu, false));
      lab.run(setCpuOnline(cpu, true));
    }
    for (const pid of pids) lab.finish(pid);
    lab.run(sys.nanosleep(10 * SECOND));
    lab.settle();
    expect(lab.memcgs()).toEqual(['/']);
  });
});

describe('a call on its way to a CPU that dies', () => {
  /** The mutation makes the late call; its dying step is repaired again, or not. */
  const labWithLateCall = (repaired: boolean): Lab => {
    const lab = new Lab({ cpus: 4, patch: 'dying-keeps-calls' });
    const { smp } = lab.cpu(0).build.policies;
    if (repaired) smp.flushDying = new Lab({ cpus: 1 }).cpu(0).build.policies.smp.flushDying;
    return lab;
  };

  test('is run by its dying step, with interrupts off', () => {
    const lab = labWithLateCall(true);
    const events = lab.during(() => lab.run(setCpuOnline(2, false)));
    const ran = events.filter(({ point, cpu }) => point === Trace.csdExecute && cpu === 2);
    expect(ran.map(({ args: [sender, , irqsOff] }) => [sender, irqsOff])).toEqual([[0, 1]]);
    const died = events.findIndex(({ point, args: [step] }) => point === Trace.hotplug && step === HotplugStep.dead);
    expect(events.indexOf(ran[0] as (typeof events)[number])).toBeLessThan(died);
  });

  test('is lost if the dying step does not run the call queue', () => {
    const lab = labWithLateCall(false);
    const events = lab.during(() => lab.run(setCpuOnline(2, false)));
    expect(events.filter(({ point, cpu }) => point === Trace.csdExecute && cpu === 2)).toEqual([]);
  });
});

describe('the boot CPU', () => {
  test('refuses to go down', () => {
    const lab = new Lab({ cpus: 2 });
    expect(() => lab.run(setCpuOnline(0, false), { kind: 'pinned', cpu: 1 })).toThrow('errno 16');
  });
});

describe('/sys/devices/system/cpu', () => {
  test.each([
    ['no such CPU', () => setCpuOnline(4, false), 'errno 2'],
    ['the CPU that asks', () => setCpuOnline(1, false), 'errno 16'],
    ['nonsense', () => writeFile('/sys/devices/system/cpu/cpu2/online', 'off\n'), 'errno 22'],
  ])('refuses %s', (_what, program, errno) => {
    const lab = new Lab({ cpus: 4 });
    expect(() => lab.run(program() as Program<unknown>, { kind: 'pinned', cpu: 1 })).toThrow(errno);
    expect(onlineIn(lab)).toEqual([0, 1, 2, 3]);
  });

  test('takes what is so already', () => {
    const lab = new Lab({ cpus: 2 });
    lab.run(setCpuOnline(1, true));
    lab.run(setCpuOnline(1, false));
    lab.run(setCpuOnline(1, false));
    expect(onlineIn(lab)).toEqual([0]);
    expect(lab.count('cpu_down')).toBe(1);
  });

  test('lets two tasks bring CPUs down at the same time, one after the other', () => {
    const lab = new Lab({ cpus: 4 });
    const pid = startOn(lab, 1, function* takesDown() {
      yield* setCpuOnline(2, false);
    });
    lab.run(setCpuOnline(3, false));
    lab.finish(pid);
    expect(onlineIn(lab)).toEqual([0, 1]);
  });

  test('refuses with EPERM where the kernel does not run the calls of a dying CPU', () => {
    const lab = new Lab({ cpus: 2 });
    lab.cpu(0).build.policies.smp.flushDying = null;
    expect(lab.run(setCpuOnline(1, false))).toBe(false);
    expect(onlineIn(lab)).toEqual([0, 1]);
  });
});
