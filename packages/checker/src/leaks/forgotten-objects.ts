import type { KernelNode } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';

/** What nobody will free any more. */
export interface Forgotten {
  readonly object: string;
  readonly detail: string;
}

/**
 * Objects that go back through RCU, on a machine without callbacks: dentries that were killed and that no shrinker has, inodes
 * without a dentry, and whatever else waits for a grace period.
 */
export function* forgottenObjects(nodes: readonly KernelNode[]): Generator<Forgotten> {
  const used = new Set<Handle>();
  for (const { dentries } of nodes) {
    for (const [dentry, { name, inode, killed, lru }] of dentries.entries()) {
      used.add(inode);
      if (!killed || lru !== 'none') continue;
      yield {
        object: `dentry ${dentry.toString(16)}`,
        detail: `of "${name}", killed and never freed: no callback is left`,
      };
    }
  }
  for (const { inodes, rcuObjects } of nodes) {
    for (const [inode] of inodes.entries()) {
      if (used.has(inode)) continue;
      yield { object: `inode ${inode.toString(16)}`, detail: 'of no dentry, and never freed: no callback is left' };
    }
    for (const [, { object }] of rcuObjects.entries()) {
      yield { object: `object ${object.toString(16)}`, detail: 'given up to RCU and never freed: no callback is left' };
    }
  }
}
