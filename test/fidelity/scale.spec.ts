import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { kick } from '../../docs/figures/kick.mjs';

const [, ...lines] = readFileSync(new URL('../../docs/figures/scale.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const rows = lines.map((line) => line.split(',')).filter(([, , cpus]) => Number(cpus) <= 128);

it.each(rows)(
  'docs/figures/scale.csv shows what the machine does: %s, %s nodes, %s CPUs',
  (profile, nodes, cpus, ...parts) => {
    const machine = { profile, nodes: Number(nodes), cpus: Number(cpus) };
    const { ns, send, delivery, irqOffWait, handler, ack } = kick(machine);
    const ends = machine.nodes === 1 ? ['low', 'high'].map((end) => kick({ ...machine, end }).ns) : ['', ''];
    expect([ns, send, delivery, irqOffWait, handler, ack, ...ends].map(String)).toEqual(parts);
    expect(send + delivery + irqOffWait + handler + ack).toBe(ns);
  },
);
