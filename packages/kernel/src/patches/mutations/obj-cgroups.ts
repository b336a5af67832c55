import { call, type Handle, type ObjectRef } from '@kmemlab/machine';
import type { Patch } from '../../build.js';
import { addChargedBytes, listAdd, objCgroupGet } from '../../mm/memcontrol/obj-cgroup.js';
import { ownerOf, takeOwner } from '../../mm/memcontrol/obj-vector.js';
import { loseSlabStatistics } from './memcg-charges.js';
import { wrapHandler } from './wrap-handler.js';

/** Versions whose objects have owners. */
const appliesTo = ['v5.9'] as const;

export const keepOwner: Patch = {
  name: 'keep-owner',
  summary: 'the entry of a freed object in its block’s vector is not cleared',
  mutation: true,
  breaks: 'OBJ-1',
  appliesTo,
  apply: (kernel) => {
    wrapHandler<{ object: ObjectRef }, Handle>(
      kernel,
      takeOwner.name,
      () =>
        (node, { object }) =>
          ownerOf(node, object),
    );
  },
};

export const leakObjcgReference: Patch = {
  name: 'leak-objcg-reference',
  summary: 'an accounted object takes two references on its obj_cgroup and gives one back',
  mutation: true,
  breaks: 'OBJ-2',
  appliesTo,
  apply: ({ policies }) => {
    const { putCache } = policies.memcg;
    policies.memcg.putCache = function* takeTwo(cpu, chosen, object) {
      yield* call(objCgroupGet, cpu, chosen.held);
      yield* call(putCache, cpu, chosen, object);
    };
  },
};

export const loseRemainder: Patch = {
  name: 'lose-remainder',
  summary: 'a drained stock’s bytes that make up no page are not kept in nr_charged_bytes',
  mutation: true,
  breaks: 'OBJ-3',
  appliesTo,
  apply: (kernel) => {
    wrapHandler<{ objcg: Handle; bytes: number }, void>(kernel, addChargedBytes.name, () => () => {});
  },
};

export const loseInherited: Patch = {
  name: 'lose-inherited',
  summary: 'a removed memcg’s obj_cgroups stand for the parent, but come onto no list of it',
  mutation: true,
  breaks: 'OBJ-4',
  appliesTo,
  apply: (kernel) => {
    wrapHandler<{ memcg: Handle; objcgs: Handle[] }, void>(kernel, listAdd.name, () => () => {});
  },
};

export const loseByteStatistics: Patch = {
  name: 'lose-byte-statistics',
  summary: 'what a CPU passes on of the bytes that it has counted reaches no memcg',
  mutation: true,
  breaks: 'OBJ-5',
  // The root, whose statistics are looked at when all is over, is a parent there.
  config: 'cgroup2',
  appliesTo,
  apply: loseSlabStatistics.apply,
};
