import { CacheField } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import type { Call, Csd } from './calls-in-flight.js';
import { smpRules } from './rules.js';

/**
 * SMP-4, for the three things that the modelled kernel passes along a call: the csd's own data, the cpu_cache pointer
 * published before a kick, and the objects that a drain gives back.
 */
export class Visibility {
  private publisher = -1;
  private cache: Handle = 0;
  private set: Handle = 0;
  /** Per CPU, objects taken out of its array that have not come back to their slabs. */
  private readonly onTheirWay: Float64Array;

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {
    this.onTheirWay = new Float64Array(view.topology.cpuCount);
  }

  publish(cpu: number, cache: Handle, set: Handle): void {
    this.publisher = cpu;
    this.cache = cache;
    this.set = set;
  }

  release(cache: Handle): void {
    if (cache === this.cache) this.publisher = -1;
  }

  /** The function of a csd starts with this info. */
  execute(cpu: number, csd: Csd, info: number): void {
    if (info !== csd.info) this.fails(cpu, csd.call, 'the function gets other data than the sender wrote');
    if (csd.call.sender !== this.publisher) return;
    const { published } = this.view.nodes[this.view.topology.nodeOf(cpu)] ?? {};
    if (published?.caches.read(this.cache, CacheField.cpuCache) === this.set) return;
    this.fails(
      cpu,
      csd.call,
      'the target does not see the cpu_cache pointer that the sender published before the call',
    );
  }

  /** A CPU empties its own array. */
  taken(cpu: number, objects: number): void {
    this.onTheirWay[cpu] = (this.onTheirWay[cpu] as number) + objects;
  }

  givenBack(cpu: number, objects: number): void {
    this.onTheirWay[cpu] = Math.max(0, (this.onTheirWay[cpu] as number) - objects);
  }

  returned(cpu: number, csd: Csd): void {
    csd.unfinishedWrites = this.onTheirWay[cpu] !== 0;
  }

  /** A waiting call returns to its sender. */
  end(cpu: number, call: Call): void {
    for (const csd of call.csds) {
      if (!csd.unfinishedWrites || this.onTheirWay[csd.target] === 0) continue;
      this.fails(
        cpu,
        call,
        `what the function did on CPU${csd.target} has not reached the slabs when the call returns`,
      );
    }
  }

  private fails(cpu: number, call: Call, detail: string): void {
    this.reporter.broken(smpRules.visibility, `call of CPU${call.sender}`, call.begin, this.view.where(cpu), detail);
  }
}
