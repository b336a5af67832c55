import type { HandlerFunction } from '@kmemlab/machine';
import type { KernelBuild } from '../../build.js';
import type { KernelNode } from '../../node.js';

/** Replace a handler by name; the caller states the types of its arguments and answer. */
export function wrapHandler<A, R>(
  kernel: KernelBuild,
  name: string,
  wrap: (original: HandlerFunction<KernelNode, A, R>) => HandlerFunction<KernelNode, A, R>,
): void {
  kernel.functions.replaceHandler(name, (original) => wrap(original as never) as never);
}
