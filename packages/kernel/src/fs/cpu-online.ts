import { type Coroutine, call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { cpuDown, cpuUp } from '../hotplug/cpu-hotplug.js';
import { dRead } from './dcache.js';
import { EINVAL, ENODEV, type Found } from './types.js';

/*
 * /sys/devices/system/cpu/cpuN/online (drivers/base/cpu.c 4.10). Its directories come into the dentry cache when they are
 * looked up, as those of the real sysfs do.
 */

const FILE = 'online';
/** Directories by the name of the directory above. */
const BELOW: ReadonlyMap<string, string> = new Map([
  ['sys', 'devices'],
  ['devices', 'system'],
  ['system', 'cpu'],
]);

/** N of a directory cpuN; -1 of any other. */
function numberOf(name: string): number {
  const digits = /^cpu(\d+)$/.exec(name)?.[1];
  return digits === undefined ? -1 : Number(digits);
}

/** What is there under a name in one of these directories; null if nothing is. */
export function findCpuEntry(cpu: Cpu, parent: Found, name: string): { readonly directory: boolean } | null {
  if (BELOW.get(parent.name) === name) return { directory: true };
  if (parent.name !== 'cpu') return numberOf(parent.name) >= 0 && name === FILE ? { directory: false } : null;
  const number = numberOf(name);
  return number >= 0 && number < cpu.topology.cpuCount ? { directory: true } : null;
}

/** The CPU that a file of sysfs is about. */
function* cpuOf(file: Found): Coroutine<number> {
  if (file.name !== FILE) return -1;
  const directory = yield* call(dRead, file.parent);
  return numberOf(directory.name);
}

/** show_online. */
export function* readOnline(cpu: Cpu, file: Found): Coroutine<string | number> {
  const target = yield* call(cpuOf, file);
  return target < 0 ? ENODEV : `${Number(cpu.published.isOnline(target))}\n`;
}

/** online_store: 0 takes the CPU down, 1 brings it up; what it is already is no error. */
export function* writeOnline(cpu: Cpu, file: Found, text: string): Coroutine<number> {
  const target = yield* call(cpuOf, file);
  if (target < 0) return ENODEV;
  const wanted = text.trim();
  if (wanted !== '0' && wanted !== '1') return EINVAL;
  const online = wanted === '1';
  if (cpu.published.isOnline(target) === online) return text.length;
  const result = yield* call(online ? cpuUp : cpuDown, cpu, target);
  return result === 0 ? text.length : result;
}
