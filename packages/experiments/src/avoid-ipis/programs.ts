import { type Program, readFile, sys, writeFile } from '@kmemlab/kernel';
import type { InterruptReading, ScriptReadings } from '@kmemlab/results';
import type { GuestControl } from '../lab/types.js';

/** The v1 memory hierarchy of the script. */
const HIERARCHY = '/mnt/cgroup/memory';
const LIMIT = '1G\n';

export type Profile = 'tmpfs' | 'mail';

/** Script: the line "Function call interrupts" of /proc/interrupts. */
function* readCallInterrupts(): Program<InterruptReading> {
  const text = yield* readFile('/proc/interrupts');
  const line = text.split('\n').find((candidate) => candidate.includes('Function call interrupts')) ?? '';
  const columns = line
    .split(/\s+/)
    .filter((field) => /^\d+$/.test(field))
    .map(Number);
  return { cpu0: columns[0] ?? 0, all: columns.reduce((sum, n) => sum + n, 0) };
}

/** Open, write and close one file; with the profile `mail` the C library maps a buffer for the file meanwhile. */
function* writeControl(profile: Profile, path: string, text: string): Program<void> {
  if (profile === 'tmpfs') {
    yield* writeFile(path, text);
    return;
  }
  const fd = yield* sys.open(path);
  const buffer = yield* sys.mmap();
  yield* sys.touch(buffer);
  yield* sys.write(fd, text);
  yield* sys.close(fd);
  yield* sys.munmap(buffer);
}

function* makeTemporaryFile(profile: Profile, path: string): Program<void> {
  const fd = yield* sys.create(path);
  if (profile === 'mail') {
    const buffer = yield* sys.mmap();
    yield* sys.touch(buffer);
    yield* sys.munmap(buffer);
  }
  yield* sys.close(fd);
  yield* sys.unlink(path);
}

/**
 * The script of the 2017 mail up to its second reading: n memcgs, each limited, entered, and given one short-lived file.
 * @param pause ns slept after each loop, 0 as in the mail
 */
export function* createProgram(
  { pid, tick }: GuestControl,
  { loops, profile, pause }: { loops: number; profile: Profile; pause: number },
): Program<ScriptReadings> {
  yield* sys.chdir(HIERARCHY);
  const first = yield* readCallInterrupts();
  for (let i = 0; i < loops; i++) {
    yield* sys.mkdir(String(i));
    yield* writeControl(profile, `${i}/memory.limit_in_bytes`, LIMIT);
    yield* writeControl(profile, `${i}/memory.kmem.limit_in_bytes`, LIMIT);
    yield* writeControl(profile, `${i}/cgroup.procs`, `${pid}\n`);
    yield* makeTemporaryFile(profile, '/tmp/x');
    if (pause > 0) yield* sys.nanosleep(pause);
    tick(i + 1);
  }
  const second = yield* readCallInterrupts();
  return { first, second };
}

/**
 * The script prints what it read. Then, still in the last memcg, somebody who measures looks how many memcgs there are, and waits
 * until every cache creation queued so far has run.
 */
export function* settleProgram({ first, second }: ScriptReadings): Program<void> {
  yield* sys.print(`${first.cpu0} ${second.cpu0} ${second.cpu0 - first.cpu0}\n`);
  yield* readFile('/proc/cgroups');
  yield* sys.flushCreation();
}

/** The script's end: back to the root cgroup, remove everything. */
export function* removeProgram({ pid, tick }: GuestControl, loops: number): Program<void> {
  yield* writeFile('cgroup.procs', `${pid}\n`);
  for (let i = 0; i < loops; i++) {
    yield* sys.rmdir(String(i));
    tick(i + 1);
  }
}

/** A module is loaded that makes one root cache. */
export function* rootCacheProgram(): Program<void> {
  yield* sys.initModule('lab_module_cache', 320);
}
