import type { MachineView } from '../types.js';

/** Number of CPUs online. CPUs only come online, so once all are, nobody needs to be asked. */
export class OnlineCpus {
  private known = 0;

  constructor(private readonly view: MachineView) {}

  get count(): number {
    if (this.known < this.view.topology.cpuCount) this.known = this.view.nodes[0]?.published.onlineCpus().length ?? 0;
    return this.known;
  }
}
