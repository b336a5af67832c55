import type { WorkqueueAttributes } from './types.js';

/** The workqueues of the modelled kernels; the index is the queue's number in traces. A version creates those it uses. */
export const workqueues = [
  { name: 'system_wq', type: 'bound', maxActive: 256 },
  { name: 'memcg_kmem_cache_create', type: 'ordered', maxActive: 1 },
  { name: 'memcg_kmem_cache', type: 'bound', maxActive: 1 },
  { name: 'cgroup_destroy', type: 'bound', maxActive: 1 },
  { name: 'events_unbound', type: 'unbound', maxActive: 512 },
  { name: 'memcg_cache_create', type: 'bound', maxActive: 1 },
] as const satisfies readonly WorkqueueAttributes[];

export type WorkqueueName = (typeof workqueues)[number]['name'];

export const workqueueNames: readonly WorkqueueName[] = workqueues.map((queue) => queue.name);

export const isWorkqueueName = (name: string): name is WorkqueueName => workqueueNames.some((known) => known === name);

/** @throws Error if no workqueue has the name, as a patch of one's own may give it */
export function workqueueNumber(name: WorkqueueName): number {
  const number = workqueueNames.indexOf(name);
  if (number < 0) throw new Error(`there is no workqueue ${name}; there are ${workqueueNames.join(', ')}`);
  return number;
}

export const attributesOf = (name: WorkqueueName): WorkqueueAttributes =>
  workqueues[workqueueNumber(name)] as WorkqueueAttributes;
