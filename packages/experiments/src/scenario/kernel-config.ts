import { defaultConfig, type KernelConfig } from '@kmemlab/kernel';
import { suggestion } from '@kmemlab/results';
import { InputError } from '../api.js';

const HZ = [100, 250, 300, 1000];

type Changes = Partial<KernelConfig>;

/** What each token without a value means. */
const flags: Readonly<Record<string, Changes>> = {
  slab: { allocator: 'slab' },
  slub: { allocator: 'slub' },
  nonpreempt: { preemption: 'nonpreempt' },
  preempt: { preemption: 'preempt', preemptCount: true },
  preemptcount: { preemptCount: true },
  cgroup1: { cgroup: 'v1' },
  cgroup2: { cgroup: 'v2' },
  ramfs: { tmp: 'ramfs' },
  slub_memcg_sysfs: { slubMemcgSysfs: true },
};

/** What each token with a value, `name=value`, means. */
const settings: Readonly<Record<string, (value: string) => Changes>> = {
  hz: (value) => {
    if (HZ.includes(Number(value))) return { hz: Number(value) };
    throw new InputError(`config: hz=${value} is not possible; give hz=${HZ.join(', hz=')}`);
  },
  nohz_full: (value) => ({ nohzFull: parseCpuList('config: nohz_full', value, '+') }),
  objects: (value) => {
    if (value === 'distribution' || value === 'measured') return { objects: value };
    throw new InputError(`config: objects=${value} is not possible; give objects=distribution, objects=measured`);
  },
};

/** @throws InputError if there is no such token, or it has a value and should have none */
function changesOf(token: string): Changes {
  const [key = '', ...values] = token.split('=');
  if (Object.hasOwn(settings, key)) return (settings[key] as (value: string) => Changes)(values.join('='));
  if (!Object.hasOwn(flags, key)) {
    const known = [...Object.keys(flags), ...Object.keys(settings)];
    throw new InputError(`config: unknown token ${JSON.stringify(token)}; ${suggestion(key, known)}`);
  }
  if (values.length > 0)
    throw new InputError(`config: ${token}: ${key} has no value; give ${key} alone, or leave it out`);
  return flags[key] as Changes;
}

/**
 * Parse configuration tokens such as `slab,nonpreempt,hz=250`; what is not named stays at its default.
 * @throws InputError for an unknown token, a value that it cannot have, or one that contradicts another
 */
export function parseConfig(text: string): KernelConfig {
  let config = defaultConfig;
  const set = new Map<string, { readonly token: string; readonly value: unknown }>();
  for (const token of text.split(',').map((part) => part.trim())) {
    const changes = changesOf(token);
    for (const [what, to] of Object.entries(changes)) {
      const before = set.get(what);
      if (before !== undefined && String(before.value) !== String(to))
        throw new InputError(`config: ${before.token} and ${token} contradict each other; leave one of them out`);
      set.set(what, { token, value: to });
    }
    config = { ...config, ...changes };
  }
  return config;
}

/**
 * Parse a list of CPUs such as `1-3,7`, ascending and without repetition.
 * @throws InputError if it is no such list
 */
export function parseCpuList(where: string, text: string, separator = ','): number[] {
  const cpus = new Set<number>();
  for (const part of text.split(separator)) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? [];
    if (first === undefined || Number(last) < Number(first)) {
      throw new InputError(`${where}: ${JSON.stringify(text)} is no list of CPUs; give one such as 1-3${separator}7`);
    }
    for (let cpu = Number(first); cpu <= Number(last); cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** A list of CPUs as people write it: `1-3,7`. */
export function cpuListText(cpus: readonly number[], separator = ','): string {
  const ranges: [number, number][] = [];
  for (const cpu of cpus) {
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last[1] === cpu - 1) last[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(separator);
}

/** The tokens of a configuration: what always differs, and the rest where it is not the default. */
export const configTokens = (config: KernelConfig): string[] => [
  config.allocator,
  config.preemption,
  `hz=${config.hz}`,
  ...(config.preemptCount && config.preemption === 'nonpreempt' ? ['preemptcount'] : []),
  ...(config.nohzFull.length > 0 ? [`nohz_full=${cpuListText(config.nohzFull, '+')}`] : []),
  ...(config.cgroup === 'v2' ? ['cgroup2'] : []),
  ...(config.objects === 'measured' ? ['objects=measured'] : []),
  ...(config.tmp === 'ramfs' ? ['ramfs'] : []),
  ...(config.slubMemcgSysfs === true ? ['slub_memcg_sysfs'] : []),
];
