import { type Resources, readResources } from './host/resources.js';

export interface MachineSize {
  readonly nodes: number;
  readonly cpusPerNode: number;
}

/** What a node process takes, measured: by itself, and for each of its CPU workers. */
const PROCESS = { memory: 60e6, maps: 600, threads: 12 };
const WORKER = { memory: 12e6, maps: 36, threads: 1 };

/** The broker and this process. */
const OTHER_THREADS = 30;

interface Need {
  readonly cpusPerNode: number;
  readonly nodes: number;
  /** What is needed and what there is, once it is known not to fit. */
  readonly why: string;
}

/**
 * Whether this computer can hold a live machine of local node processes: null, or one sentence that says what is missing
 * and how many CPUs per node, or how many nodes, would have fit.
 */
export function checkLimits(size: MachineSize, resources: Resources = readResources()): string | null {
  const missing = needsOf(size, resources).filter(
    ({ nodes, cpusPerNode }) => size.nodes > nodes || size.cpusPerNode > cpusPerNode,
  );
  const [first] = missing;
  if (first === undefined) return null;
  const machine = `${count(size.nodes, 'node')} of ${count(size.cpusPerNode, 'CPU')}`;
  return `${machine} ${size.nodes === 1 ? 'needs' : 'need'} ${first.why}; this computer can hold ${whatFits(size, missing)}`;
}

function whatFits({ cpusPerNode }: MachineSize, missing: readonly Need[]): string {
  const cpus = Math.min(...missing.map((need) => need.cpusPerNode));
  if (cpus >= 1) return `${count(cpus, 'CPU')} per node`;
  const nodes = Math.min(...missing.map((need) => need.nodes));
  return nodes >= 1 ? `${count(nodes, 'node')} of ${count(cpusPerNode, 'CPU')}` : 'no node of that size';
}

/** Most CPUs that one node on this computer can have. */
export function mostCpusInOneNode(resources: Resources = readResources()): number {
  const needs = needsOf({ nodes: 1, cpusPerNode: 1 }, resources);
  return Math.max(0, Math.min(...needs.map(({ cpusPerNode }) => cpusPerNode)));
}

/** For each limit, the most CPUs per node with these nodes, and the most nodes with these CPUs. */
function needsOf({ nodes, cpusPerNode }: MachineSize, resources: Resources): Need[] {
  const shared = (available: number, process: number, worker: number) => ({
    cpusPerNode: Math.floor((available / nodes - process) / worker),
    nodes: Math.floor(available / (process + worker * cpusPerNode)),
    needed: nodes * (process + worker * cpusPerNode),
  });
  const memory = shared(resources.memory, PROCESS.memory, WORKER.memory);
  const threads = shared(Math.max(0, resources.threads - OTHER_THREADS), PROCESS.threads, WORKER.threads);
  const maps = Math.floor((resources.mapsPerProcess - PROCESS.maps) / WORKER.maps);
  const mapsNeeded = PROCESS.maps + WORKER.maps * cpusPerNode;
  return [
    { ...memory, why: `about ${gigabytes(memory.needed)} of memory and ${gigabytes(resources.memory)} are free` },
    {
      cpusPerNode: maps,
      nodes: maps >= cpusPerNode ? Infinity : 0,
      why: `about ${mapsNeeded} memory mappings in each node process and vm.max_map_count allows ${resources.mapsPerProcess}`,
    },
    {
      ...threads,
      why: `about ${threads.needed} threads and ${resources.threadLimit} leaves ${resources.threads}`,
    },
  ];
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
