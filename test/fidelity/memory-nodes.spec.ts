import { type Cpu, type KernelNode, kmemCacheFree, slabAllocFromNode } from '@kmemlab/kernel';
import { type Coroutine, call, nodeOfObject } from '@kmemlab/machine';
import { describe, expect, test } from 'vitest';
import { Lab } from './lab.js';

/** Run kernel code on CPU0 until the machine is quiet. */
function onCpu0(lab: Lab, body: (cpu: Cpu) => Coroutine<void>): void {
  const cpu = lab.cpu(0);
  cpu.spawn(
    'test',
    function* test(): Coroutine<void> {
      yield* call(body, cpu);
    },
    [],
  );
  cpu.run();
  lab.settle();
}

const node = (lab: Lab, id: number): KernelNode => lab.machine.nodes[id] as KernelNode;

/** Allocate `count` objects of filp, from `from` or as the CPU likes it, and free them all; answers with their nodes. */
function allocateAndFree(lab: Lab, count: number, from?: number): number[] {
  const nodes: number[] = [];
  onCpu0(lab, function* body(cpu) {
    const cache = cpu.rootCache('filp');
    const objects: number[] = [];
    for (let i = 0; i < count; i++) objects.push(yield* call(slabAllocFromNode, cpu, cache, from ?? cpu.node));
    nodes.push(...objects.map(nodeOfObject));
    for (const object of objects) yield* call(kmemCacheFree, cpu, cache, object);
  });
  return nodes;
}

describe('objects of a given node', () => {
  test('come from that node’s slabs, past the array of the CPU', () => {
    const lab = new Lab({ nodes: 2, cpus: 2 });
    expect(allocateAndFree(lab, 40, 1)).toEqual(new Array(40).fill(1));
    expect(lab.cpu(0).ownWords.arrays.values().length).toBe(lab.cpu(1).ownWords.arrays.values().length);
  });

  test('go back through the alien array when another node’s CPU frees them', () => {
    const lab = new Lab({ nodes: 2, cpus: 2 });
    allocateAndFree(lab, 40, 1);
    const cache = lab.cpu(0).rootCache('filp');
    const waiting = node(lab, 0).slabNodes.get(cache)?.alien.get(1)?.length ?? 0;
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThanOrEqual(12);
    const home = node(lab, 1).slabNodes.get(cache);
    expect((home?.shared?.length ?? 0) + (home?.freeObjects ?? 0) + waiting).toBe((home?.totalSlabs ?? 0) * 16);
  });
});

test('a node without memory gets its objects from the others', () => {
  const lab = new Lab({ nodes: 3, cpus: 1 });
  node(lab, 0).pageLimit = node(lab, 0).pagesInUse;
  node(lab, 1).pageLimit = node(lab, 1).pagesInUse + 1;
  const nodes = allocateAndFree(lab, 40);
  expect(nodes.filter((n) => n === 1)).toHaveLength(16);
  expect(nodes.filter((n) => n === 2)).toHaveLength(24);
});

test('an allocation fails only when no node has memory', () => {
  const lab = new Lab({ nodes: 2, cpus: 1 });
  for (const id of [0, 1]) node(lab, id).pageLimit = node(lab, id).pagesInUse;
  onCpu0(lab, function* body(cpu) {
    expect(yield* call(slabAllocFromNode, cpu, cpu.rootCache('filp'), 0)).toBe(0);
  });
});
