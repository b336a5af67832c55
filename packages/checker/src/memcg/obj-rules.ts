import type { Invariant } from '../types.js';

/** Object-based accounting of 5.9. spec/memcg-kmem-2.md §V6. */
export const objCgroupRules = {
  entries: {
    id: 'OBJ-1',
    rule: 'A slab block’s vector names an owner for an object if, and only if, the object is in use and somebody pays for it.',
  },
  references: {
    id: 'OBJ-2',
    rule: 'References on an obj_cgroup are its objects, the stocks that have bytes of it, charges in flight, and one while it is active.',
  },
  bytes: {
    id: 'OBJ-3',
    rule: 'The pages charged for an obj_cgroup are the bytes of its objects, of its stocks, and nr_charged_bytes.',
  },
  inherited: {
    id: 'OBJ-4',
    rule: 'Each obj_cgroup of a removed memcg is on one list, that of the memcg which it stands for now.',
  },
  statistics: {
    id: 'OBJ-5',
    rule: 'The slab statistics of a memcg that is online, with what CPUs hold back, are the bytes of the objects that it and those below it pay for.',
  },
} as const satisfies Record<string, Invariant>;
