import { type KernelBuild, type KernelNode, outOfSlotOf } from '@kmemlab/kernel';
import { BOOT_NODE, type Handle, homeOf, type VerdictClass } from '@kmemlab/machine';

/** Id of the defect. */
export const DYING_ROOT = 'V4-d';

/** A root cache in use that every part of the kernel takes for one that is being destroyed (V4-d, V5p-f). */
export interface DyingRoot {
  readonly class: VerdictClass;
  readonly object: string;
  readonly detail: string;
}

/**
 * Root caches that are marked dying and stay under another name. Where caches count their references (5.3), those of its
 * children that have left their memcg's slot are never killed: they stay for ever, each with a reference on a memcg. On a quiet machine
 * nothing is being destroyed.
 */
export function dyingRoots(nodes: readonly KernelNode[], { policies }: KernelBuild): DyingRoot[] {
  const staying = new Set(nodes[BOOT_NODE]?.cacheList.staying);
  if (staying.size === 0) return [];
  const caches = nodes.flatMap((node) => node.caches.entries());
  return caches.flatMap(([root, { name, dying }]): DyingRoot[] => {
    if (!dying || !staying.has(root)) return [];
    const lost = policies.memcg.links === null ? [] : strandedOf(nodes, root);
    const [child] = lost;
    const mark = `root cache ${name} is marked dying, but stays under another name`;
    if (child === undefined) {
      const detail = `${mark}: no caches of removed memcgs are deactivated any more, and none may be made`;
      return [{ class: 'invariant-broken', object: `cache ${root.toString(16)}`, detail }];
    }
    const detail = `${mark}: of ${lost.length} caches of removed memcgs nobody drops the first reference`;
    return [{ class: 'leak', object: `cache ${child.toString(16)}`, detail }];
  });
}

/** Children of a root that are in no slot, and whose own reference nobody has killed. */
function strandedOf(nodes: readonly KernelNode[], root: Handle): Handle[] {
  const nodeOf = (id: number): KernelNode => nodes[id] as KernelNode;
  return outOfSlotOf(nodeOf(BOOT_NODE), root).filter(
    (cache) => nodeOf(homeOf(cache)).caches.peek(cache)?.ref.dead === false,
  );
}
