import { isCallFunction } from '@kmemlab/machine';
import { Kind, type Message } from '../message.js';

/**
 * Which CPUs of this node have been interrupted for a call from another node, and have posted nothing back yet. What goes
 * there meanwhile can wait for the last of them: so the calls of one kick are acknowledged together, in one frame. Only
 * posts wait, and not for long; whoever keeps them back sees to that, since an interrupt may have found its call done.
 */
export class Acknowledgements {
  /** By node. */
  private readonly missing: readonly Set<number>[];

  constructor(nodes: number) {
    this.missing = Array.from({ length: nodes }, () => new Set());
  }

  /** A CPU of this node has been interrupted for a CPU of that one. */
  raised(node: number, cpu: number, vector: number): void {
    if (isCallFunction(vector)) this.missing[node]?.add(cpu);
  }

  /** A message is about to leave. For what is no post somebody waits, or an interrupt is late. */
  leaves({ kind, node, cpu }: Message): void {
    if (kind === Kind.post) this.missing[node]?.delete(cpu);
    else this.missing[node]?.clear();
  }

  /** All that were to come from here to that node have left. */
  areComplete(node: number): boolean {
    return this.missing[node]?.size === 0;
  }

  /** Wait for none of them any more. */
  giveUp(): void {
    for (const cpus of this.missing) cpus.clear();
  }
}
