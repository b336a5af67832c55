import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { disposable, expectFailure, expectPartial } from './expectations.js';
import { signal } from './processes.mjs';
import { endless, onCpu1, patched, patchText, small } from './runs.mjs';

describe.concurrent('a node', () => {
  test('that is killed ends the run as node-died, with what is known until then', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, endless());
    await command.underWay();
    const pid = await command.node(1);
    signal(pid, 'SIGKILL');
    await expectFailure(command, 'node-died', new RegExp(`^node 1 \\(pid ${pid}\\) was ended by SIGKILL$`));
    expectPartial(command);
  });

  test('that is stopped for 2 s, twice, and goes on makes a kick of 2 s, and the run goes on to its end', async ({
    onTestFinished,
  }) => {
    // After the boot one kick follows the other nearly all the time: a stop that falls between two is no kick.
    const kicks = `const end = cpu.published.onlineCpus().length > 1 ? cpu.now() + 1.5e9 : 0;
      while (cpu.now() < end) yield* api.call(api.kickAllCpusSync, cpu);`;
    const command = disposable(onTestFinished, patched(patchText('slab', 'afterPublish', kicks), small));
    await command.underWay(100);
    const pid = await command.node(1);
    for (let stops = 0; stops < 2; stops++) {
      signal(pid, 'SIGSTOP');
      await delay(2_200);
      signal(pid, 'SIGCONT');
      await delay(300);
    }
    expect({ status: await command.ended(), stderr: command.stderr }).toMatchObject({ status: 0 });
    const { outcome, durations } = command.document();
    expect(outcome).toBe('ok');
    expect(durations.kick_all_cpus_sync.max).toBeGreaterThanOrEqual(2e9);
    expect(await command.survivors()).toEqual([]);
  });

  test('that is stopped for longer than the deadline is lost, and killed', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, endless(['--deadline', '2']));
    await command.underWay();
    signal(await command.node(1), 'SIGSTOP');
    await expectFailure(command, 'transport-lost', /\bnode 1\b.* has been silent for \d+ ms/);
    expectPartial(command);
  });

  test('that never says anything is named at the deadline of the start', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, small([], { env: { KMEMLAB_START_DEADLINE: '8' } }));
    const pid = await command.node(1);
    signal(pid, 'SIGSTOP');
    await expectFailure(command, 'node-silent', new RegExp(`^node 1 \\(pid ${pid}\\) .* within 8000 ms`));
  });
});

describe.concurrent('a CPU thread', () => {
  test.for([
    ['is ended', 'process.exit(7);', /exit code 7\b/],
    ['throws where nobody catches', "setImmediate(() => { throw new Error('stray'); });", /exit code 1: stray\b/],
  ] as const)('that %s ends the run as worker-died', async ([, fault, why], { onTestFinished }) => {
    const command = disposable(onTestFinished, onCpu1(fault));
    await expectFailure(command, 'worker-died', /^the thread of CPU1 on node 1 ended .* it was last seen \w+/);
    expect(command.document().failure.detail).toMatch(why);
  });

  test('on which a patch throws ends the run as patch-threw, with its line, the CPU and the function', async ({
    onTestFinished,
  }) => {
    const command = disposable(onTestFinished, onCpu1("throw new Error('unlucky');"));
    await expectFailure(command, 'patch-threw', /^unlucky \(\S*\/faulty\.mjs, line 7; CPU1 in faulty < .*, task .*\)$/);
  });
});
