import { describe, expect, it } from 'vitest';
import { liveResult, sampleResult } from '../../fixtures/sample-result.js';
import type { LiveDetails } from '../schema.js';
import { renderRun } from './render-run.js';

const plain = { width: 100, color: false, unicode: true };
const warning = 'host-clock latencies show ordering and liveness, not cost: 8 CPUs on 2 cores';
const live = liveResult().live as LiveDetails;

describe('a live run', () => {
  it('names the broker right after the header, and no model time anywhere', () => {
    const text = renderRun(liveResult(), plain);
    expect(text).toContain('\n\nBroker: nats-server 2.10 on 127.0.0.1:4333 (nats-server)\n');
    expect(text.indexOf('Broker:')).toBeLessThan(text.indexOf('Function call interrupts'));
    expect(text).toContain('127 ms machine time');
    expect(text).not.toContain('model time');
  });

  it('has the warning beside each table of host times if there are more CPUs than cores', () => {
    const text = renderRun(liveResult(), plain);
    expect(text).toContain(`Latency of kick_all_cpus_sync, host time\n  ${warning}\n`);
    expect(text).toContain(`Locks and waits, host time\n  ${warning}\n`);
    const roomy = liveResult({ live: { ...live, cores: 16, oversubscribed: false, pinned: true } });
    expect(renderRun(roomy, plain)).not.toContain('not cost');
    expect(renderRun(roomy, plain)).toContain('8 CPU threads on 16 cores, nodes pinned to cores');
  });

  it('gives the latency of a kick as a ratio to the floor', () => {
    const text = renderRun(liveResult(), plain);
    expect(text).toContain('kick_all_cpus_sync: p50 150 µs = 1.50x the floor of 100 µs');
    const words = text.replace(/\s+/g, ' ');
    expect(words).toContain('ping-pong 12.0 µs, broadcast in a node 40.0 µs, cross-node 100 µs');
    expect(renderRun(liveResult({ live: { ...live, floors: null, ratios: {} } }), plain)).toContain('not measured');
  });

  it('counts messages by kind, by CPU and between nodes', () => {
    const text = renderRun(liveResult(), plain);
    expect(text).toContain('900 within a node, 100 across nodes');
    expect(text).toContain('node 1: CPU4 300, CPU5 50, CPU6 50, CPU7 50');
    expect(text).toMatch(/node 0 +500 +50\n/);
    expect(text).toMatch(/cacheList\.add +600\n/);
  });

  it('sums up the CPUs of a wide machine', () => {
    const machine = { nodes: 2, cpusPerNode: 32 };
    const sentByCpu = Array.from({ length: 64 }, (_, cpu) => (cpu === 40 ? 100 : 1));
    const text = renderRun(
      liveResult({ machine, live: { ...live, messages: { ...live.messages, sentByCpu } } }),
      plain,
    );
    expect(text).toContain('node 1: 131 by 32 CPUs, most by CPU40 (100)');
  });

  it('says of when each node’s figures are only if the run was cut short', () => {
    const failure = { kind: 'node-died', detail: 'node 1' };
    const text = renderRun(liveResult({ outcome: 'failed', failure }), plain);
    expect(text).toContain('figures as of, machine time: node 0 127 ms, node 1 126 ms');
    expect(renderRun(liveResult(), plain)).not.toContain('as of');
  });
});

it('a run of the deterministic machine has no live section', () => {
  expect(renderRun(sampleResult(), plain)).not.toMatch(/Broker|Messages in/);
});
