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

/** Calls that nobody waits for, so that each CPU's queue holds several csds at a time. */
const overlappingCalls: Patch = {
  name: 'overlapping-calls',
  summary: 'two asynchronous calls to all CPUs before each kick',
  apply: ({ policies }, { call, smpCallFunction, smpCallFunctionSingle, kickAllCpusSync }) => {
    policies.slab.afterPublish = function* overlap(cpu) {
      yield* call(smpCallFunction, cpu, 'do_nothing', 0, false);
      yield* call(smpCallFunction, cpu, 'do_nothing', 0, false);
      yield* call(smpCallFunctionSingle, cpu, cpu.topology.cpuCount - 1, 'do_nothing', 0, false);
      yield* call(kickAllCpusSync, cpu);
    };
  },
};

test.each([1, 2, 3])('asynchronous calls that overlap break no rule, seed %i', (seed) => {
  for (const [nodes, cpusPerNode] of topologies) {
    const checked = new CheckedMachine({ nodes, cpusPerNode, patches: [overlappingCalls], strategy: 'random', seed });
    workout(checked, nodes * cpusPerNode);
    expect(checked.verdict).toBeUndefined();
  }
});
