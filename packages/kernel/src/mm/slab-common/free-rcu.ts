import { type Coroutine, call, homeOf, request } from '@kmemlab/machine';
import type { Cpu } from '../../cpu.js';
import { callRcu } from '../../rcu/callbacks.js';
import { defineFunction, defineHandler } from '../../registry.js';
import type { Allocation } from './alloc.js';
import { kmemCacheFree } from './free.js';

const hold = defineHandler('rcuObject.hold', (node, args: Allocation): number => node.rcuObjects.allocate(args));

const take = defineHandler(
  'rcuObject.take',
  (node, args: { handle: number }, context): Allocation => node.rcuObjects.release(args.handle, context.step()),
);

/** RCU callbacks that do nothing but kmem_cache_free. */
const CALLBACKS = ['delayed_put_pid', 'put_cred_rcu'] as const;

for (const name of CALLBACKS) {
  defineFunction('rcu', name, function* freeObject(cpu, handle) {
    const { cache, object } = yield* request(homeOf(handle), take, { handle }, handle);
    yield* call(kmemCacheFree, cpu, cache, object);
  });
}

/** call_rcu with a callback that frees the object to its cache, on this CPU. Any context. */
export function* freeRcu(cpu: Cpu, callback: (typeof CALLBACKS)[number], object: Allocation): Coroutine<void> {
  yield* call(callRcu, cpu, callback, yield* request(cpu.node, hold, object));
}
