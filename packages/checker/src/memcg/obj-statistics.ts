import { CssField, type KernelNode, ObjcgField, placeOf, rootMemcg, slabItemOf, slabItems } from '@kmemlab/kernel';
import { type Handle, homeOf, type ObjectRef, pageOf } from '@kmemlab/machine';
import type { MachineView } from '../types.js';

type Memcg = NonNullable<ReturnType<KernelNode['memcg']>>;

/** An accounted object: who pays for it, and how much. */
interface Paid {
  readonly objcg: Handle;
  readonly bytes: number;
}

/** Slab statistics of a memcg that are not what its objects add up to. */
export interface WrongStatistic {
  readonly css: Handle;
  readonly detail: string;
}

/**
 * OBJ-5 on a quiet machine. A removed memcg's statistics stay behind when the parent inherits its objects, so only those of memcgs
 * that are online count, and those of the root where all others are part of it: on cgroup v2 (V6-d).
 */
export function wrongStatistics(view: MachineView, entries: ReadonlyMap<ObjectRef, Paid>): WrongStatistic[] {
  const places = view.topology.nodes * slabItems.length;
  const expected = new Sums(view, places);
  for (const [object, { objcg, bytes }] of entries) {
    const memcg = view.nodes[0]?.published.objCgroups.read(objcg, ObjcgField.memcg) ?? 0;
    expected.add(memcg, placeOfObject(view, object), bytes);
  }
  const heldBack = new Sums(view, places);
  for (const { lruvecs } of view.nodes) {
    for (const css of lruvecs.memcgs()) {
      for (const [place, held] of lruvecs.heldBack(css).entries()) if (held !== 0) heldBack.add(css, place, held);
    }
  }
  return [...memcgs(view)].flatMap(([css, name, memcg]) => {
    if (!mustAddUp(view, css)) return [];
    return Array.from({ length: places }, (_, place) => place).flatMap((place) => {
      const counted = (memcg.vm.slab.recursive[place] ?? 0) + heldBack.of(css, place);
      const bytes = expected.of(css, place);
      if (counted === bytes) return [];
      const what = `${slabItems[place % slabItems.length]} slab on node ${Math.floor(place / slabItems.length)}`;
      return [
        { css, detail: `memcg "${name}" counts ${counted} bytes of ${what}, and its objects there are ${bytes}` },
      ];
    });
  });
}

function mustAddUp({ nodes, build }: MachineView, css: Handle): boolean {
  const published = nodes[0]?.published;
  if (published === undefined) return false;
  return css === rootMemcg(published) ? build.config.cgroup === 'v2' : published.csses.read(css, CssField.objcg) !== 0;
}

function* memcgs({ nodes }: MachineView): Generator<readonly [Handle, string, Memcg]> {
  for (const node of nodes) {
    for (const [css, { memcg, name }] of node.csses.entries()) if (memcg !== null) yield [css, name, memcg];
  }
}

/** Node and item of the block that an object lies in. */
function placeOfObject({ nodes }: MachineView, object: ObjectRef): number {
  const page = pageOf(object);
  const home = nodes[homeOf(page)] as KernelNode;
  const item = slabItemOf(home.published, home.pages.peek(page)?.cache ?? 0);
  return placeOf(home.id, slabItems.indexOf(item));
}

/** Sums by memcg and place, in a hierarchy with all that lies below. */
class Sums {
  private readonly sums = new Map<Handle, number[]>();

  constructor(
    private readonly view: MachineView,
    private readonly places: number,
  ) {}

  add(memcg: Handle, place: number, value: number): void {
    for (let css = memcg; css !== 0; css = this.parentOf(css)) {
      const sums = this.sums.get(css) ?? new Array<number>(this.places).fill(0);
      sums[place] = (sums[place] ?? 0) + value;
      this.sums.set(css, sums);
    }
  }

  of(memcg: Handle, place: number): number {
    return this.sums.get(memcg)?.[place] ?? 0;
  }

  private parentOf(css: Handle): Handle {
    return this.view.nodes[homeOf(css)]?.csses.peek(css)?.memcg?.counterParent ?? 0;
  }
}
