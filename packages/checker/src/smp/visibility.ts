import { CacheField } from '@kmemlab/kernel';
import type { Handle } from '@kmemlab/machine';
import type { Reporter } from '../reporter.js';
import type { MachineView } from '../types.js';
import type { Call, Csd } from './calls-in-flight.js';
import { smpRules } from './rules.js';

/**
 * SMP-4, for the things that the modelled kernel passes along a call: to the target the csd's own data and the cpu_cache
 * pointer published before a kick; back to the sender the times that the target writes before it releases the csd.
 */
export class Visibility {
  private publisher = -1;
  private cache: Handle = 0;
  private set: Handle = 0;
  /** Each CPU swaps its own pointer when it is called; what it sees before is the set itself. */
  private swapped = false;

  constructor(
    private readonly view: MachineView,
    private readonly reporter: Reporter,
  ) {}

  publish(cpu: number, cache: Handle, set: Handle, swapped: boolean): void {
    this.publisher = cpu;
    this.swapped = swapped;
    this.cache = cache;
    this.set = set;
  }

  release(cache: Handle): void {
    if (cache === this.cache) this.publisher = -1;
  }

  /** The function of a csd starts with this info. */
  execute(cpu: number, csd: Csd, info: number): void {
    csd.startedAt = this.view.now(cpu);
    if (info !== csd.info) this.fails(cpu, csd.call, 'the function gets other data than the sender wrote');
    if (csd.call.sender !== this.publisher) return;
    const { published } = this.view.nodes[this.view.topology.nodeOf(cpu)] ?? {};
    if (published?.caches.read(this.cache, CacheField.cpuCache) === this.set) return;
    if (this.swapped && published?.arraySets.isCurrent(this.set)) return;
    const what = this.swapped ? 'array set that the sender made' : 'cpu_cache pointer that the sender published';
    this.fails(cpu, csd.call, `the target does not see the ${what} before the call`);
  }

  /** A waiting call returns to its sender. */
  end(cpu: number, call: Call): void {
    const times = this.view.nodes[this.view.topology.nodeOf(cpu)]?.words(cpu).callTimes;
    for (const { target, startedAt } of call.csds) {
      if (times === undefined || times.done(target) >= startedAt) continue;
      this.fails(cpu, call, `what CPU${target} wrote before it released the csd is not visible when the call returns`);
    }
  }

  private fails(cpu: number, call: Call, detail: string): void {
    this.reporter.broken(smpRules.visibility, `call of CPU${call.sender}`, call.begin, this.view.where(cpu), detail);
  }
}
