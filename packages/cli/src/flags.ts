import { suggestion } from '@kmemlab/results';
import type { FlagParametersForType } from '@stricli/core';
import type { CommandThis } from './types.js';
import { UsageError } from './usage-error.js';

/** Flags of every command that runs an experiment. */
export interface MachineFlags {
  readonly patch?: readonly string[];
  readonly config?: string;
  readonly engine?: 'sim' | 'live';
  readonly nodes?: number;
  readonly cpusPerNode?: number;
  readonly isolcpus?: string;
  readonly strategy?: 'time' | 'random';
  readonly param?: readonly (readonly [string, string])[];
  readonly seed?: number;
  readonly seeds?: number;
  readonly jobs?: number;
  readonly out?: string;
  readonly json: boolean;
  readonly checkDeterminism: boolean;
  readonly nats?: string;
  readonly pin: boolean;
  readonly brokerPort?: number;
  /** Seconds. */
  readonly deadline?: number;
}

/** Those of them that say what a search is about. */
export type SearchedFlags = Pick<
  MachineFlags,
  'patch' | 'config' | 'nodes' | 'cpusPerNode' | 'isolcpus' | 'param' | 'seed'
>;

/** Allowed values of the numeric flags; the experiments may allow less, and say so. */
export const RANGES = {
  nodes: [1, 64],
  cpusPerNode: [1, 256],
  seed: [0, 2 ** 32 - 1],
  seeds: [1, 1000],
  jobs: [1, 1024],
  brokerPort: [1024, 65535],
  deadline: [1, 600],
} as const;

export function integer(range: readonly [number, number]) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text)) throw new UsageError(`not an integer; give one from ${range[0]} to ${range[1]}`);
    if (value < range[0] || value > range[1]) throw new UsageError(`out of range; give ${range[0]} to ${range[1]}`);
    return value;
  };
}

export function choice<T extends string>(values: readonly T[]) {
  return (text: string): T => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw new UsageError(`unknown; ${suggestion(text, values)}`);
    return found;
  };
}

function keyValue(text: string): readonly [string, string] {
  const [, key, value] = /^([A-Za-z][\w.-]*)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined || value === '') {
    throw new UsageError('not key=value; write for example --param loops=100');
  }
  return [key, value];
}

/** A flag value that may be anything but empty. */
export function filled(text: string): string {
  if (text.trim() === '') throw new UsageError('empty; give a value');
  return text;
}

/** The address of a NATS server. */
export function natsUrl(text: string): string {
  const full = text.includes('://') ? text : `nats://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url === undefined || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
    throw new UsageError('not the address of a NATS server; write for example nats://127.0.0.1:4222');
  }
  return text;
}

/** Definitions of {@link MachineFlags} with their help texts. */
export const machineFlags: FlagParametersForType<MachineFlags, CommandThis> = {
  patch: {
    kind: 'parsed',
    parse: filled,
    optional: true,
    variadic: true,
    placeholder: 'FILE',
    brief: 'Load a patch of your own (repeatable). The file is code and runs with your rights',
  },
  config: {
    kind: 'parsed',
    parse: filled,
    optional: true,
    placeholder: 'TOKENS',
    brief: 'Kernel configuration, e.g. slab,nonpreempt,hz=250',
  },
  engine: {
    kind: 'parsed',
    parse: choice(['sim', 'live'] as const),
    optional: true,
    placeholder: 'sim|live',
    brief: 'live (default): CPUs are threads, nodes are processes; sim: the deterministic machine',
  },
  nodes: {
    kind: 'parsed',
    parse: integer(RANGES.nodes),
    optional: true,
    placeholder: 'N',
    brief: 'NUMA nodes',
  },
  cpusPerNode: {
    kind: 'parsed',
    parse: integer(RANGES.cpusPerNode),
    optional: true,
    placeholder: 'C',
    brief: 'CPUs on each node; CPU number = node x C + index',
  },
  isolcpus: {
    kind: 'parsed',
    parse: filled,
    optional: true,
    placeholder: 'LIST',
    brief: 'Isolated CPUs, e.g. 2-3,7: each runs a busy user task, and the result counts what interrupts it',
  },
  strategy: {
    kind: 'parsed',
    parse: choice(['time', 'random'] as const),
    optional: true,
    placeholder: 'time|random',
    brief: 'Sim: schedule by the cost model (time) or at random by the seed; implies --engine sim',
  },
  param: {
    kind: 'parsed',
    parse: keyValue,
    optional: true,
    variadic: true,
    placeholder: 'k=v',
    brief: 'Parameter of the experiment (repeatable); see kmemlab list experiments',
  },
  seed: {
    kind: 'parsed',
    parse: integer(RANGES.seed),
    optional: true,
    placeholder: 'S',
    brief: 'Seed of every random stream',
  },
  seeds: {
    kind: 'parsed',
    parse: integer(RANGES.seeds),
    optional: true,
    placeholder: 'N',
    brief: 'Run seeds S to S+N-1 and show the spread',
  },
  jobs: {
    kind: 'parsed',
    parse: integer(RANGES.jobs),
    optional: true,
    placeholder: 'N',
    brief: 'Sim: run so many seeds or kernels at the same time (default: one per core, if memory allows)',
  },
  out: {
    kind: 'parsed',
    parse: filled,
    optional: true,
    placeholder: 'DIR',
    brief: 'Run directory (default runs/<time>-<experiment>)',
  },
  json: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Print the result document on stdout instead of text',
  },
  checkDeterminism: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Sim: run again and compare the event digests, a difference fails the run; implies --engine sim',
  },
  nats: {
    kind: 'parsed',
    parse: natsUrl,
    optional: true,
    placeholder: 'URL',
    brief: 'Live: a NATS server of your own (else KMEMLAB_NATS_URL, a nats-server on PATH, or the built-in broker)',
  },
  pin: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Live: place each node on cores of its own, with taskset; do this for times you compare',
  },
  brokerPort: {
    kind: 'parsed',
    parse: integer(RANGES.brokerPort),
    optional: true,
    placeholder: 'P',
    brief: 'Live: loopback port of the broker that is started (default: a free one)',
  },
  deadline: {
    kind: 'parsed',
    parse: integer(RANGES.deadline),
    optional: true,
    placeholder: 'S',
    brief: 'Live: seconds of silence after which a node is lost (default 5)',
  },
};

/** The kernel of a command that takes one. */
export const kernelFlag = {
  kind: 'parsed',
  parse: filled,
  optional: true,
  placeholder: 'KERNEL',
  brief: 'A version plus patches, e.g. v4.10+avoid-kick-on-create; see kmemlab list kernels',
} as const;

/** Threads of a search. */
export const jobsFlag = {
  kind: 'parsed',
  parse: integer(RANGES.jobs),
  optional: true,
  placeholder: 'N',
  brief: 'Threads (default: one per core)',
} as const;

/** The experiment of a command that runs one. */
export const experimentArgument = {
  kind: 'tuple',
  parameters: [{ brief: 'Name of an experiment, or a .yaml file', parse: filled, placeholder: 'experiment' }],
} as const;

const { patch, config, nodes, cpusPerNode, isolcpus, param, seed } = machineFlags;

/** Definitions of {@link SearchedFlags}. */
export const searchedFlags: FlagParametersForType<SearchedFlags, CommandThis> = {
  patch,
  config,
  nodes,
  cpusPerNode,
  isolcpus,
  param,
  seed,
};
