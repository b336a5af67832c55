import type { HostPairs, LiveDetails, RunResult } from '../schema.js';
import { counted, formatCount, formatNs, formatRatio, plural } from './format.js';
import { heading, paragraph, type TextOptions } from './paper.js';
import { type Column, type Row, table } from './table.js';

/** With more CPUs than this, a row of the table of senders is a node; with more nodes, the table of pairs is left out. */
const MOST_CPU_ROWS = 32;
const MOST_NODE_COLUMNS = 12;
const MOST_KINDS = 12;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The sentence that belongs beside host times of more CPUs than cores; none if every CPU could have a core. */
export function oversubscriptionLines({ live }: RunResult, options: TextOptions): string[] {
  if (!live?.oversubscribed) return [];
  const place = `${counted(live.cpus, 'CPU')} on ${counted(live.cores, 'core')}`;
  return paragraph(options, '  ', `host-clock latencies show ordering and liveness, not cost: ${place}`);
}

/** Where a live run took place: the broker first, then what its times may be compared with. */
export function livePlaceLines(result: RunResult, options: TextOptions): string[] {
  const { live } = result;
  if (!live) return [];
  const pinned = live.pinned ? 'nodes pinned to cores' : 'not pinned';
  const scale = `machine time = ${formatCount(live.timeScale)} x host time`;
  return [
    `${heading(options, 'Broker')}: ${live.broker.server} (${live.broker.kind})`,
    `  ${formatCount(live.cpus)} CPU threads on ${counted(live.cores, 'core')}, ${pinned}, ${scale}`,
    ...oversubscriptionLines(result, options),
    ...floorLines(live, options),
    ...hostLines(live, options),
    ...asOfLines(result, live, options),
  ];
}

function floorLines({ floors }: LiveDetails, options: TextOptions): string[] {
  if (floors === null) return ['  floors of this computer: not measured'];
  const time = (ns: number) => formatNs(ns, options.unicode);
  const parts = [`ping-pong ${time(floors.pingPongNs)}`, `broadcast in a node ${time(floors.broadcastNs)}`];
  if (floors.crossNodeNs !== null) parts.push(`cross-node ${time(floors.crossNodeNs)}`);
  return paragraph(options, '  ', `floors of this computer, host time: ${parts.join(', ')}`);
}

/** What an idle message between each pair of nodes costs: what cross-node figures are to be compared with. */
export function roundTripTable({ names, roundTripNs }: HostPairs, options: TextOptions): string[] {
  const cell = (ns: number) => (ns === 0 ? '' : formatNs(ns, options.unicode));
  const columns: Column[] = [
    { title: 'idle round trip', align: 'left' },
    ...names.map((_, node): Column => ({ title: `node ${node}`, align: 'right' })),
  ];
  const rows = roundTripNs.map((row, node) => ({ cells: [`node ${node} (${names[node]})`, ...row.map(cell)] }));
  return table(options, columns, rows);
}

function hostLines({ hosts }: LiveDetails, options: TextOptions): string[] {
  if (hosts === undefined) return [];
  const { names } = hosts;
  if (names.length <= MOST_NODE_COLUMNS) return roundTripTable(hosts, options);
  const where = names.map((name, node) => `node ${node} on ${name}`).join(', ');
  return paragraph(options, '  ', `hosts: ${where}; round trips are in result.json`);
}

/** When the figures are from; they are all of the end in a run that was not cut short. */
function asOfLines({ outcome }: RunResult, { asOf }: LiveDetails, options: TextOptions): string[] {
  if (outcome !== 'incomplete' && outcome !== 'failed') return [];
  const parts = asOf.map(({ node, ns }) => `node ${node} ${formatNs(ns, options.unicode)}`);
  return paragraph(options, '  ', `figures as of, machine time: ${parts.join(', ')}`);
}

/** A duration's p50 as a multiple of the floor it stands on. */
export function floorRatioLines({ live }: RunResult, options: TextOptions): string[] {
  return Object.entries(live?.ratios ?? {}).map(([name, { ns, floor, ratio }]) => {
    const time = (value: number) => formatNs(value, options.unicode);
    return `  ${name}: p50 ${time(ns)} = ${formatRatio(ratio)} the floor of ${time(floor)}`;
  });
}

/** Messages of the measured window on the live machine: by kind, by sender, and between nodes. */
export function liveMessagesLines(result: RunResult, options: TextOptions): string[] {
  const { live, counters } = result;
  if (!live) return [];
  const { sameNode, crossNode } = counters.messages;
  return [
    heading(options, 'Messages in the measured window'),
    `  ${formatCount(sameNode)} within a node, ${formatCount(crossNode)} across nodes`,
    ...kindLines(result, options),
    ...senderLines(result, live, options),
    ...pairLines(live, options),
  ];
}

function kindLines({ counters }: RunResult, options: TextOptions): string[] {
  const kinds = Object.entries(counters.messages.byKind).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  if (kinds.length === 0) return [];
  const columns: Column[] = [
    { title: 'kind', align: 'left' },
    { title: 'messages', align: 'right' },
  ];
  const rows: Row[] = kinds.slice(0, MOST_KINDS).map(([kind, count]) => ({ cells: [kind, formatCount(count)] }));
  const rest = kinds.slice(MOST_KINDS);
  if (rest.length > 0) {
    const others = `${formatCount(rest.length)} other ${plural(rest.length, 'kind')}`;
    rows.push({ cells: [others, formatCount(sum(rest.map(([, count]) => count)))] });
  }
  return table(options, columns, rows);
}

/** Sent by each CPU, the CPUs of a node in a row; on a wide machine the sum and the busiest CPU of each node. */
function senderLines({ machine }: RunResult, { messages }: LiveDetails, options: TextOptions): string[] {
  const { nodes, cpusPerNode } = machine;
  if (messages.sentByCpu.length === 0) return [];
  const cpusOf = (node: number) => messages.sentByCpu.slice(node * cpusPerNode, (node + 1) * cpusPerNode);
  const wide = nodes * cpusPerNode > MOST_CPU_ROWS;
  const lines = Array.from({ length: nodes }, (_, node) => {
    const sent = cpusOf(node);
    const first = node * cpusPerNode;
    if (!wide) return sent.map((count, index) => `CPU${first + index} ${formatCount(count)}`).join(', ');
    const most = Math.max(...sent);
    return `${formatCount(sum(sent))} by ${cpusPerNode} CPUs, most by CPU${first + sent.indexOf(most)} (${formatCount(most)})`;
  });
  return ['  sent by each CPU', ...lines.flatMap((line, node) => paragraph(options, `  node ${node}: `, line))];
}

function pairLines({ messages }: LiveDetails, options: TextOptions): string[] {
  const nodes = messages.byNodePair.length;
  if (nodes < 2) return [];
  if (nodes > MOST_NODE_COLUMNS)
    return [`  from node to node: ${formatCount(nodes)} x ${formatCount(nodes)} pairs, in result.json`];
  const columns: Column[] = [
    { title: 'from \\ to', align: 'left' },
    ...messages.byNodePair.map((_, node): Column => ({ title: `node ${node}`, align: 'right' })),
  ];
  const rows: Row[] = messages.byNodePair.map((row, node) => ({ cells: [`node ${node}`, ...row.map(formatCount)] }));
  return table(options, columns, rows);
}
