import type { Placement } from '@kmemlab/kernel';
import type { Topology } from '@kmemlab/machine';
import { suggestion } from '@kmemlab/results';
import { InputError } from './api.js';

interface ParamBase {
  readonly summary: string;
}

/** A parameter of an experiment: what it means, what it may be, and what it is if nothing is said. */
export type ParamSpec =
  | (ParamBase & {
      readonly kind: 'integer';
      readonly min: number;
      readonly max: number;
      /** Most that the live machine takes, if it is less. */
      readonly maxLive?: number;
      readonly default: number;
      /** How much there is of something: with less of it the scenario is smaller. */
      readonly amount?: boolean;
    })
  | (ParamBase & { readonly kind: 'fraction'; readonly default: number })
  | (ParamBase & { readonly kind: 'optionalCpu' })
  | (ParamBase & { readonly kind: 'choice'; readonly values: readonly string[]; readonly default: string })
  | (ParamBase & { readonly kind: 'placement'; readonly default: string });

export type ParamSpecs = Readonly<Record<string, ParamSpec>>;

export type ParamValues = Readonly<Record<string, number | string>>;

const PLACEMENTS = ['sticky', 'walk', 'spread'];

/** Allowed values in words, for help texts and errors. */
export function rangeOf(spec: ParamSpec): string {
  switch (spec.kind) {
    case 'integer':
      return `${spec.min}..${spec.max}${spec.maxLive === undefined ? '' : `, live ..${spec.maxLive}`}`;
    case 'fraction':
      return '0..1';
    case 'optionalCpu':
      return 'a CPU number';
    case 'choice':
      return spec.values.join('|');
    case 'placement':
      return 'sticky|walk|spread|cpuN';
  }
}

export const defaultOf = (spec: ParamSpec): number | string | undefined =>
  spec.kind === 'optionalCpu' ? undefined : spec.default;

/** A placement by name: `sticky`, `walk`, `spread`, or `cpuN` for pinned to CPU N. */
export function placementOf(text: string): Placement {
  const pinned = /^cpu(\d+)$/.exec(text);
  if (pinned !== null) return { kind: 'pinned', cpu: Number(pinned[1]) };
  return { kind: text as 'sticky' | 'walk' | 'spread' };
}

const isInteger = (text: string): boolean => /^[+-]?\d+$/.test(text);

function checkCpu(where: string, cpu: number, topology: Topology | undefined): void {
  if (topology === undefined || cpu < topology.cpuCount) return;
  throw new InputError(`${where}: the machine has CPUs 0 to ${topology.cpuCount - 1}; choose one of them`);
}

/**
 * Check one value.
 * @param where how the user gave it, e.g. `--param loops`
 * @throws InputError naming the value and what is allowed
 */
function checkParam(where: string, spec: ParamSpec, value: string, topology?: Topology): number | string {
  const wrong = (): InputError =>
    new InputError(`${where}: ${JSON.stringify(value)} is not allowed; give ${rangeOf(spec)}`);
  switch (spec.kind) {
    case 'integer': {
      const n = Number(value);
      if (!isInteger(value) || n < spec.min || n > spec.max) throw wrong();
      return n;
    }
    case 'fraction': {
      const part = Number(value);
      if (!/^\d*\.?\d+$/.test(value) || part > 1) throw wrong();
      return part;
    }
    case 'optionalCpu': {
      if (!isInteger(value) || Number(value) < 0) throw wrong();
      checkCpu(where, Number(value), topology);
      return Number(value);
    }
    case 'choice':
      if (!spec.values.includes(value)) {
        throw new InputError(`${where}: ${JSON.stringify(value)} is not known; ${suggestion(value, spec.values)}`);
      }
      return value;
    case 'placement':
      if (!/^cpu\d+$/.test(value) && !PLACEMENTS.includes(value)) throw wrong();
      if (value.startsWith('cpu')) checkCpu(where, Number(value.slice(3)), topology);
      return value;
  }
}

/**
 * All parameters of an experiment, or options of a patch: the given ones checked, the others at their defaults.
 * @param owner whose they are, for messages
 * @param topology the machine whose CPUs they may name; any CPU number will do if absent
 * @throws InputError for an unknown name or a value out of range
 */
export function resolveParams(
  owner: string,
  specs: ParamSpecs,
  given: Readonly<Record<string, string>>,
  where: (name: string) => string,
  topology?: Topology,
): ParamValues {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(specs, name)) continue;
    const names = Object.keys(specs);
    const mend = names.length === 0 ? 'leave it out' : suggestion(name, names);
    throw new InputError(`${where(name)}: ${owner} has no such parameter; ${mend}`);
  }
  const values: Record<string, number | string> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const text = given[name];
    const value = text === undefined ? defaultOf(spec) : checkParam(where(name), spec, text, topology);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** Whether parameters that name a CPU name one of a machine with so many. */
export function cpusExist(specs: ParamSpecs, params: ParamValues, cpuCount: number): boolean {
  return Object.entries(specs).every(([name, { kind }]) => {
    const value = params[name];
    if (kind === 'optionalCpu') return value === undefined || Number(value) < cpuCount;
    if (kind !== 'placement') return true;
    const placement = placementOf(String(value));
    return placement.kind !== 'pinned' || placement.cpu < cpuCount;
  });
}
