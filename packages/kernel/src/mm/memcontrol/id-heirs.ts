import type { Handle } from '@kmemlab/machine';

/** Offline memcgs of one node by the kmemcg_id that they have taken over; the root's id has no list that anybody would look for. */
export class IdHeirs {
  private readonly byId = new Map<number, Set<Handle>>();

  add(id: number, memcg: Handle): void {
    if (id < 0) return;
    const heirs = this.byId.get(id) ?? new Set();
    this.byId.set(id, heirs.add(memcg));
  }

  /** Remove and return those of an id. */
  take(id: number): Handle[] {
    const heirs = [...(this.byId.get(id) ?? [])];
    this.byId.delete(id);
    return heirs;
  }

  /** The memcg is freed. */
  forget(id: number, memcg: Handle): void {
    const heirs = this.byId.get(id);
    heirs?.delete(memcg);
    if (heirs?.size === 0) this.byId.delete(id);
  }
}
