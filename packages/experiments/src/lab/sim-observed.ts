import { inventoryOf, type KernelNode, type NodeInventory } from '@kmemlab/kernel';
import type { SimMachine } from '@kmemlab/machine-sim';
import type { Recorder } from '@kmemlab/results';
import { countDeadCaches } from './findings.js';
import type { Observed } from './observed.js';
import type { PhaseRecord } from './phase-record.js';
import type { Reading } from './reading.js';

function inventoriesOf({ nodes, cpus }: SimMachine): NodeInventory[] {
  return nodes.map((node: KernelNode) => {
    const own = cpus.filter((cpu) => cpu.node === node.id);
    return inventoryOf(
      node,
      own.map(({ stock, build }) => ({ css: stock.css, refs: build.policies.memcg.stockRefs(stock) })),
    );
  });
}

/** Read a few sums of a machine. Nothing in the machine notices. */
export function readSums(
  { cpus, nodes, modelTime }: SimMachine,
  names: readonly string[],
): Pick<Reading, 'modelNs' | 'sums'> {
  const sums: Record<string, number> = {};
  for (const name of names) {
    let sum = 0;
    for (const { counters } of cpus) sum += counters.get(name);
    for (const { counters } of nodes) sum += counters.get(name);
    sums[name] = sum;
  }
  return { modelNs: modelTime, sums };
}

/** Read all counters of a machine. Nothing in the machine notices. */
export function readCounters(machine: SimMachine): Reading {
  const sums: Record<string, number> = {};
  for (const cpu of machine.cpus) cpu.counters.addTo(sums);
  for (const node of machine.nodes) node.counters.addTo(sums);
  const interrupts = machine.cpus.map((cpu) => cpu.ownWords.interrupts);
  return {
    modelNs: machine.modelTime,
    sums,
    cal: interrupts.map((counts) => counts.call),
    res: interrupts.map((counts) => counts.reschedule),
    loc: interrupts.map((counts) => counts.localTimer),
    disturbances: machine.cpus.map((cpu) => cpu.ownWords.disturbances.copy()),
    received: [...machine.received],
    merged: [...machine.merged],
    sameNode: machine.messages.sameNode,
    crossNode: machine.messages.crossNode,
    byKind: machine.messages.byKind(),
    crossNodeByKind: machine.messages.crossNodeByKind(),
    events: machine.digest.events,
    deadCaches: countDeadCaches(inventoriesOf(machine)),
  };
}

/** The deterministic machine as a result sees it. */
export function observeSim(machine: SimMachine, phases: readonly PhaseRecord[], recorder: Recorder): Observed {
  return {
    clock: 'model',
    phases,
    verdicts: machine.verdicts,
    reading: () => readCounters(machine),
    durations: () => recorder.current,
    inventories: () => inventoriesOf(machine),
    digest: () => machine.digest.toString(),
  };
}
