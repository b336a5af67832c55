import { AttachedMemory, makeHandle, PrivateMemory, resolveCosts, SharedMemory, Topology } from '@kmemlab/machine';
import { describe, expect, it } from 'vitest';
import './index.js';
import { KernelNode } from './node.js';
import { type Environment, NodeMemory } from './node-memory.js';
import { CacheField } from './published-state.js';
import { Flavour } from './rcu/flavours.js';

const environment: Environment = {
  topology: new Topology(2, 2),
  costs: resolveCosts(),
  seed: 1,
  durations: { record() {}, kick() {} },
  probe: null,
};

describe('NodeMemory', () => {
  it('holds the words of the CPUs of its node', () => {
    const memory = new NodeMemory(1, environment, new PrivateMemory());
    expect(memory.allWords().map(({ cpu }) => cpu)).toEqual([2, 3]);
    expect(memory.words(3).cpu).toBe(3);
  });

  it('starts with every CPU idle and nothing counted', () => {
    const words = new NodeMemory(0, environment, new PrivateMemory()).words(0);
    expect(words).toMatchObject({ idle: true, dynticks: 0, rcuUrgent: false });
    expect(words.rcuCallbacks(Flavour.sched)).toBe(0);
    expect(words.interrupts.copy()).toEqual({ call: 0, reschedule: 0, localTimer: 0, tlb: 0 });
  });

  it('is the same memory for a node and for a CPU thread that attaches to it', () => {
    const memory = new SharedMemory();
    const node = new KernelNode(1, environment, memory);
    const attached = new NodeMemory(1, environment, new AttachedMemory(memory.buffers));
    const own = attached.words(2);
    own.interrupts.call += 2;
    own.interrupts.reschedule++;
    own.interrupts.localTimer += 3;
    own.dynticks++;
    own.setRcuCallbacks(Flavour.bh, 9);
    own.idle = false;
    expect(node.words(2)).toMatchObject({ idle: false, dynticks: 1 });
    expect(node.words(2).rcuCallbacks(Flavour.bh)).toBe(9);
    expect(node.words(2).interrupts.copy()).toEqual({ call: 2, reschedule: 1, localTimer: 3, tlb: 0 });
    expect(node.words(3).idle).toBe(true);
    node.words(2).callTimes.set(3, 10, 11, 12);
    expect([own.callTimes.raised(3), own.callTimes.entered(3), own.callTimes.done(3)]).toEqual([10, 11, 12]);
    const cache = makeHandle(1, 5000, 1);
    node.published.caches.publish(cache);
    node.published.caches.write(cache, CacheField.limit, 54);
    node.published.roots.set('dentry', cache);
    node.published.memcgArrays.publish(90, 400);
    node.published.memcgArrays.write(90, 399, 1);
    node.published.setOnline(3);
    const { published } = attached;
    expect(published.caches.read(published.roots.get('dentry'), CacheField.limit)).toBe(54);
    expect([published.memcgArrays.read(90, 399), published.onlineCpus()]).toEqual([1, [3]]);
  });
});
