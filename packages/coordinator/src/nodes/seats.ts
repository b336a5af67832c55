import { InputProblem } from '../input-problem.js';
import type { Registration } from '../registry/messages.js';

type Seat = Pick<Registration, 'name' | 'host' | 'machine' | 'coreList' | 'pins'>;

const coresOf = ({ coreList }: Seat): number[] => coreList.split(',').filter(Boolean).map(Number);

/**
 * A core for each node, none twice on one computer.
 * @throws InputProblem if a node cannot be placed on a core, or no core is left for it
 */
export function coresFor(members: readonly Seat[]): number[] {
  const taken = new Map<string, Set<number>>();
  return members.map((member) => {
    const { name, host, machine, pins } = member;
    if (!pins)
      throw new InputProblem(
        `--pin: there is no taskset on the PATH of node ${name} on ${host}; install it there or leave --pin out`,
      );
    const used = taken.get(machine) ?? new Set();
    const core = coresOf(member).find((candidate) => !used.has(candidate));
    if (core === undefined) {
      const there = members.filter((other) => other.machine === machine).length;
      throw new InputProblem(
        `--pin: the computer of node ${name} (${host}) has ${used.size} ${used.size === 1 ? 'core' : 'cores'} for ${there} nodes of this run; start nodes elsewhere, use fewer or leave --pin out`,
      );
    }
    taken.set(machine, used.add(core));
    return core;
  });
}
