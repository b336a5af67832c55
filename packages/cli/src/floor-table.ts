import type { Floor, FloorSet } from '@kmemlab/coordinator';
import { formatNs, formatRatio, type TextOptions, table } from '@kmemlab/results';

interface Line {
  readonly name: string;
  readonly floor: Floor | undefined;
}

function linesOf({ pingPong, broadcast, hop, nats, crossNode }: FloorSet): Line[] {
  const wide = Object.entries(broadcast).filter(([responders]) => responders !== '1');
  return [
    { name: 'thread to thread and back (ping-pong)', floor: pingPong },
    ...wide.map(([responders, floor]) => ({ name: `one thread to ${responders} and back (broadcast)`, floor })),
    { name: 'thread to main thread and back (waitAsync hop)', floor: hop },
    { name: 'process to process and back over NATS', floor: nats },
    { name: 'thread to thread of another process and back (chain)', floor: crossNode },
  ];
}

/** Lines of a table of floors: median, 99th percentile, ratio to the ping-pong. */
export function floorTable(floors: FloorSet, options: TextOptions): string[] {
  const columns = [
    { title: 'round trip', align: 'left', wraps: true },
    { title: 'median', align: 'right' },
    { title: 'p99', align: 'right' },
    { title: 'ratio', align: 'right' },
  ] as const;
  const rows = linesOf(floors).flatMap(({ name, floor }) => {
    if (floor === undefined) return [];
    const ratio = formatRatio(floor.medianNs / floors.pingPong.medianNs);
    const [median, p99] = [floor.medianNs, floor.p99Ns].map((ns) => formatNs(ns, options.unicode));
    return [{ cells: [name, median ?? '', p99 ?? '', ratio] }];
  });
  return table(options, columns, rows);
}
