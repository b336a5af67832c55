import { BOOT_NODE, type HandlerContext } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import type { KernelNode } from '../node.js';
import { defineHandler } from '../registry.js';
import type { Flavour } from './flavours.js';
import type { RcuData } from './state.js';
import type { RcuLeaf } from './tree.js';

/** The last CPU or reader of a node has reported to an expedited grace period; the last node wakes who drives it. */
export const reportExpeditedNode = defineHandler(
  'rcu.reportExpeditedNode',
  (node, args: { flavour: Flavour; node: number }, context): void => {
    const root = node.rcuRoots.of(args.flavour);
    if (!root.owingExpedited.delete(args.node) || root.owingExpedited.size > 0 || root.expeditedSleeper === 0) return;
    context.complete(root.expeditedSleeper, 0);
    root.expeditedSleeper = 0;
  },
);

const reportExpeditedLeaf = defineHandler(
  'rcu.reportExpeditedLeaf',
  (node, args: { flavour: Flavour; leaf: number }, context): void => {
    const { owingExpedited } = node.rcu.of(args.flavour);
    if (!owingExpedited.delete(args.leaf) || owingExpedited.size > 0) return;
    context.post(BOOT_NODE, reportExpeditedNode, { flavour: args.flavour, node: node.id });
  },
);

/** A leaf owes an expedited grace period nothing any more: carry that up. */
export function expeditedUp(node: KernelNode, flavour: Flavour, leaf: RcuLeaf, context: HandlerContext): void {
  const level = node.rcu.of(flavour);
  if (level.leaves.length > 1) context.post(node.id, reportExpeditedLeaf, { flavour, leaf: level.numberOf(leaf) });
  else context.post(BOOT_NODE, reportExpeditedNode, { flavour, node: node.id });
}

/** rcu_report_exp_rdp at the leaf. */
export const reportExpeditedCpu = defineHandler(
  'rcu.reportExpedited',
  (node, args: { flavour: Flavour; cpu: number }, context): void => {
    const leaf = node.rcu.of(args.flavour).leafOf(args.cpu);
    if (leaf.owingExpedited.delete(args.cpu) && leaf.quiescentExpedited) {
      expeditedUp(node, args.flavour, leaf, context);
    }
  },
);

/** This CPU has passed the quiescent state that an expedited grace period waits for. */
export function reportExpedited(cpu: Cpu, data: RcuData): void {
  data.owesExpedited = false;
  cpu.postNow(cpu.node, reportExpeditedCpu, { flavour: data.flavour, cpu: cpu.id });
}
