import type { MachineView } from '../types.js';

/** Number of CPUs online. */
export class OnlineCpus {
  constructor(private readonly view: MachineView) {}

  get count(): number {
    return this.view.nodes[0]?.published.onlineCpus().length ?? 0;
  }
}
