import { type Handle, type Step, VerdictError } from '@kmemlab/machine';
import { BUG } from '../defect.js';

/** The list of what no memcg pays for, and of the root memcg. */
export const GLOBAL_LIST = -1;

/**
 * struct list_lru_node with its memcg lists (mm/list_lru.c 4.10): unused objects of one kind on one node, one list per
 * kmemcg_id, the longest unused object first. Each method is the body of a section under its lock.
 */
export class ListLruNode {
  private readonly lists = new Map<number, Set<Handle>>();
  private readonly listOf = new Map<Handle, { readonly list: Set<Handle>; readonly id: number }>();
  /** Entries of memcg_lrus; grows with memcg_nr_cache_ids. */
  size = 0;
  /** nr_deferred of the shrinker: objects that it was asked for and did not come to. */
  deferred = 0;

  /** list_lru_add: as the newest. @throws VerdictError if memcg_lrus is too small for the id */
  add(item: Handle, id: number, step: () => Step): void {
    if (id >= this.size) throw outOfBounds(id, this.size, step());
    this.insert(item, id);
  }

  private insert(item: Handle, id: number): void {
    const list = this.lists.get(id) ?? new Set();
    this.lists.set(id, list.add(item));
    this.listOf.set(item, { list, id });
  }

  /** list_lru_del. */
  remove(item: Handle): void {
    this.listOf.get(item)?.list.delete(item);
    this.listOf.delete(item);
  }

  /** LRU_ROTATE: the item becomes the newest of its list. */
  rotate(item: Handle): void {
    const list = this.listOf.get(item)?.list;
    if (list?.delete(item)) list.add(item);
  }

  /** list_lru_count_one. */
  count(id: number): number {
    return this.lists.get(id)?.size ?? 0;
  }

  /** First of a list: the longest unused. */
  oldest(id: number): Handle | undefined {
    const [first] = this.lists.get(id) ?? [];
    return first;
  }

  /** memcg_drain_list_lru_node: splice one memcg's list onto another's end. */
  drain(from: number, to: number): void {
    const items = [...(this.lists.get(from) ?? [])];
    this.lists.delete(from);
    for (const item of items) this.insert(item, to);
  }

  /** Ids whose lists are not empty, ascending. */
  get ids(): number[] {
    return [...this.lists.keys()].filter((id) => this.count(id) > 0).sort((a, b) => a - b);
  }

  /** The id on whose list the item is; undefined if it is on none. */
  idOf(item: Handle): number | undefined {
    return this.listOf.get(item)?.id;
  }

  /** Every item, list by list. */
  items(): Iterable<Handle> {
    return this.listOf.keys();
  }
}

function outOfBounds(id: number, size: number, step: Step): VerdictError {
  const detail = `memcg_lrus has ${size} entries and is used with kmemcg_id ${id}`;
  return new VerdictError({ class: 'invariant-broken', id: BUG, object: 'list_lru', steps: [step], detail });
}

/** Filesystems whose unused dentries stay cached: tmpfs pins all of its own, mounted directories are never unused. */
export const lruFilesystems = ['cgroup', 'proc'] as const;

export type LruFilesystem = (typeof lruFilesystems)[number];

/** s_dentry_lru of each filesystem on one node. Inodes need none: all of these filesystems drop an inode with its dentry. */
export class ListLrus {
  private readonly byFilesystem: ReadonlyMap<string, ListLruNode> = new Map(
    lruFilesystems.map((fs) => [fs, new ListLruNode()]),
  );

  /** Null if the filesystem keeps no unused dentries. */
  find(fs: string): ListLruNode | null {
    return this.byFilesystem.get(fs) ?? null;
  }

  of(fs: LruFilesystem): ListLruNode {
    return this.byFilesystem.get(fs) as ListLruNode;
  }

  all(): Iterable<ListLruNode> {
    return this.byFilesystem.values();
  }
}
