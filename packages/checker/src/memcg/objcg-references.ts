import { CssField, type KernelNode, REF_BIAS } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import type { MachineView } from '../types.js';

/** What refers to an obj_cgroup besides what it pays for. */
export interface Holders {
  /** 1 if it is the active one of its memcg. */
  active: number;
  /** CPUs whose stock has bytes of it, and how many. */
  stocks: number;
  stockBytes: number;
  /** Memcgs on whose list it is. */
  readonly lists: Handle[];
}

type ObjCgroup = NonNullable<ReturnType<KernelNode['objCgroups']['peek']>>;

/** Who holds each obj_cgroup on a quiet machine. */
export function holdersOf(view: MachineView): Map<Handle, Holders> {
  const holders = new Map<Handle, Holders>();
  const of = (objcg: Handle): Holders => {
    const found = holders.get(objcg) ?? { active: 0, stocks: 0, stockBytes: 0, lists: [] };
    holders.set(objcg, found);
    return found;
  };
  for (const node of view.nodes) {
    for (const [css, { memcg }] of node.csses.entries()) {
      if (memcg === null) continue;
      const active = node.published.csses.read(css, CssField.objcg);
      if (active !== 0) of(active).active++;
      for (const objcg of memcg.inherited) of(objcg).lists.push(css);
    }
  }
  for (let cpu = 0; cpu < view.topology.cpuCount; cpu++) {
    const { objcg, bytes } = view.stock(cpu);
    if (objcg === 0) continue;
    const held = of(objcg);
    held.stocks++;
    held.stockBytes += bytes;
  }
  return holders;
}

/** References on an obj_cgroup: the shared count and all CPUs' counters. */
export function referencesOf(view: MachineView, objcg: Handle, { ref }: ObjCgroup): number {
  let count = ref.count >= REF_BIAS / 2 ? ref.count - REF_BIAS : ref.count;
  for (const node of view.nodes) for (const words of node.allWords()) count += words.refs.objcg.peek(objcg);
  return count;
}
