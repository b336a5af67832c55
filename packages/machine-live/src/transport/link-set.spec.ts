import { type EmbeddedBroker, startEmbeddedBroker } from '@kmemlab/nats-embedded';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bus, connectBus } from './bus.js';
import { emptyFrame } from './frame.js';
import { linkSubject } from './link.js';
import { LinkSet } from './link-set.js';

const nodes = [0, 1, 2, 3];
let broker: EmbeddedBroker;
let buses: Bus[];
let sets: LinkSet[];
let heard: string[];
let lost: { readonly node: number; readonly reason: string }[];
let onLost: () => void;

beforeEach(async () => {
  broker = await startEmbeddedBroker({ token: 'x' });
  buses = await Promise.all(nodes.map((node) => connectBus({ ...broker, name: `node ${node}` })));
  heard = [];
  lost = [];
  onLost = () => {};
  sets = buses.map(
    (bus, self) =>
      new LinkSet({
        bus,
        run: 'test',
        self,
        peers: nodes.filter((node) => node !== self),
        deadlineMs: 2_000,
        onMessage: ([byte], from) => heard.push(`${from} to ${self}: ${byte}`),
        onLost: (reason) => {
          lost.push({ node: self, reason });
          onLost();
        },
      }),
  );
  await flush();
  for (const set of sets) set.start();
});

afterEach(async () => {
  for (const set of sets) set.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await broker.close();
});

const flush = () => Promise.all(buses.map((bus) => bus.flush()));
const losing = () =>
  new Promise<void>((resolve) => {
    onLost = resolve;
  });

describe('a set of links', () => {
  it('joins each node with each other one', async () => {
    for (const [from, set] of sets.entries()) {
      for (const [to, link] of set.links) link.send(Uint8Array.of(10 * from + to));
      expect(set.idle).toBe(false);
      set.flush();
      expect(set.idle).toBe(true);
    }
    await flush();
    await flush();
    const pairs = nodes.flatMap((from) => nodes.filter((to) => to !== from).map((to) => [from, to] as const));
    expect(heard.sort()).toEqual(pairs.map(([from, to]) => `${from} to ${to}: ${10 * from + to}`));
    expect(lost).toEqual([]);
  });

  it.each(['7', 'x', '2'])('ends, once and as a whole, when a stranger speaks as %s', async (name) => {
    const reported = losing();
    const bytes = emptyFrame({ from: 7, to: 2, sequence: 0, acknowledged: 0 });
    buses[0]?.publish(`kmemlab.test.node.2.${name}`, bytes);
    buses[0]?.publish(linkSubject('test', 2, 1), Uint8Array.of(1));
    await reported;
    await flush();
    await flush();
    expect(lost).toEqual([{ node: 2, reason: `32 bytes came from a stranger, on kmemlab.test.node.2.${name}` }]);
    sets[0]?.links.get(2)?.send(Uint8Array.of(1));
    sets[0]?.flush();
    await flush();
    await flush();
    expect(heard).toEqual([]);
  });

  it('ends as a whole with one of its links', async () => {
    const reported = losing();
    buses[1]?.publish(linkSubject('test', 2, 1), Uint8Array.of(1));
    await reported;
    expect(lost[0]?.reason).toMatch(/^node 1 sent a malformed frame/);
    sets[2]?.links.get(0)?.send(Uint8Array.of(1));
    expect(sets[2]?.links.get(0)?.sent).toBe(0);
  });
});
