import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GLOBAL_LIST, ListLruNode } from './list-lru.js';

const step = () => ({ cpu: 0, task: 'test', function: 'test', time: 0 });
const IDS = [GLOBAL_LIST, 0, 1, 2];

function lruOfSize(size: number): ListLruNode {
  const lru = new ListLruNode();
  lru.size = size;
  return lru;
}

/** Items of a list in the order in which a shrinker would take them. */
function takeAll(lru: ListLruNode, id: number): number[] {
  const taken: number[] = [];
  for (let item = lru.oldest(id); item !== undefined; item = lru.oldest(id)) {
    taken.push(item);
    lru.remove(item);
  }
  return taken;
}

describe('a list_lru node', () => {
  it('gives out the oldest first; a rotated item becomes the newest', () => {
    const lru = lruOfSize(4);
    for (const item of [11, 12, 13]) lru.add(item, 2, step);
    lru.rotate(11);
    expect(takeAll(lru, 2)).toEqual([12, 13, 11]);
  });

  it('appends a drained list to the other and leaves nothing behind', () => {
    const lru = lruOfSize(4);
    lru.add(1, GLOBAL_LIST, step);
    for (const item of [2, 3]) lru.add(item, 1, step);
    lru.drain(1, GLOBAL_LIST);
    expect([lru.count(1), lru.idOf(3), takeAll(lru, GLOBAL_LIST)]).toEqual([0, GLOBAL_LIST, [1, 2, 3]]);
  });

  it('is not used with an id beyond its array', () => {
    expect(() => lruOfSize(4).add(1, 4, step)).toThrow('memcg_lrus has 4 entries');
  });

  it('loses no item and has none twice, whatever is done', () => {
    const id = fc.constantFrom(...IDS);
    const item = fc.integer({ min: 1, max: 12 });
    const act = fc.oneof(
      fc.record({ do: fc.constant('add' as const), item, id }),
      fc.record({ do: fc.constant('remove' as const), item }),
      fc.record({ do: fc.constant('rotate' as const), item }),
      fc.record({ do: fc.constant('drain' as const), from: id, to: id }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const lru = lruOfSize(4);
        const model = new Map<number, number>();
        for (const one of acts) {
          if (one.do === 'add' && !model.has(one.item)) {
            lru.add(one.item, one.id, step);
            model.set(one.item, one.id);
          } else if (one.do === 'remove') {
            lru.remove(one.item);
            model.delete(one.item);
          } else if (one.do === 'rotate') lru.rotate(one.item);
          else if (one.do === 'drain') {
            lru.drain(one.from, one.to);
            for (const [key, value] of model) if (value === one.from) model.set(key, one.to);
          }
        }
        const found = IDS.flatMap((list) => takeAll(lru, list).map((key) => [key, list] as const));
        expect(found.sort()).toEqual([...model].sort());
      }),
    );
  });
});
