import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { emptyDirectory, kmemlab } from './command.js';

const example = fileURLToPath(new URL('../../docs/examples/kick-later.mjs', import.meta.url));

/** Each CPU counts what another one has had it do, in an interrupt and after a grace period. */
const EVERY_KIND = `export default { name: 'count', summary: 's', apply({ policies, functions }, api) {
  functions.define('csd', 'count_calls', function* countCalls(cpu, data) {
    cpu.counters.add('own_calls');
    if (data === 7) yield* api.call(api.callRcu, cpu, 'count_callbacks', cpu.now());
  });
  functions.define('rcu', 'count_callbacks', function* countCallbacks(cpu, data) {
    if (data <= cpu.now()) cpu.counters.add('own_callbacks');
  });
  policies.slab.afterPublish = function* countAll(cpu) {
    yield* api.call(api.onEachCpu, cpu, 'count_calls', 7, true);
  };
} };`;

describe.each(['sim', 'live'])("a patch's own functions, on the machine %s", (engine) => {
  const machine = ['--engine', engine, '--nodes', '2', '--cpus-per-node', '2', '--json'];

  test('are started by name: a timer and a work function, in the example', async () => {
    const run = (...args: string[]) => kmemlab(['run', ...args, ...machine, '--patch', example], emptyDirectory());
    const safe = await run('avoid-ipis', '--param', 'loops=5');
    expect(safe.status).toBe(0);
    const unsafe = await run('tune-slabinfo', '--param', 'irqOffCpu=1');
    expect(unsafe.status).toBe(1);
    expect(JSON.parse(unsafe.stdout).verdicts).toMatchObject([{ class: 'use-after-free', id: 'SLAB-4' }]);
  });

  test('run on other CPUs and nodes: a csd function and an RCU callback', async () => {
    const cwd = emptyDirectory();
    writeFileSync(join(cwd, 'count.mjs'), EVERY_KIND);
    const args = ['run', 'avoid-ipis', ...machine, '--param', 'loops=5', '--patch', 'count.mjs'];
    const { status, stdout } = await kmemlab(args, cwd);
    expect(status).toBe(0);
    const { counters, phases } = JSON.parse(stdout);
    expect(counters.calls.own_calls).toBe(4 * counters.caches.created);
    expect(phases.boot.calls.own_callbacks).toBe(phases.boot.caches.created);
  });
});
