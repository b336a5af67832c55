import { type Patch, patches } from '@kmemlab/kernel';
import { expect, test } from 'vitest';
import { CheckedMachine } from './checked-machine.js';
import { workout } from './workout.js';

const topologies = [
  [1, 1],
  [1, 2],
  [1, 4],
  [2, 2],
  [4, 2],
] as const;

const avoidKick = patches.find(({ name }) => name === 'avoid-kick-on-create') as Patch;
const kernels: readonly (readonly [string, readonly Patch[]])[] = [
  ['v4.10', []],
  ['v4.10+avoid-kick-on-create', [avoidKick]],
];

for (const [kernel, with_] of kernels) {
  for (const [nodes, cpusPerNode] of topologies) {
    for (const strategy of ['time', 'random'] as const) {
      for (const seed of strategy === 'time' ? [1] : [1, 2, 3]) {
        test(`${kernel} keeps every invariant: ${nodes}x${cpusPerNode}, ${strategy}, seed ${seed}`, () => {
          const checked = new CheckedMachine({ nodes, cpusPerNode, patches: with_, strategy, seed });
          workout(checked, nodes * cpusPerNode);
          expect(checked.verdict).toBeUndefined();
        });
      }
    }
  }
}
