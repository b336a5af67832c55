import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Command } from './command.mjs';
import { type AfterTest, disposable, expectPartial, expectRefusal } from './expectations.js';
import { signal } from './processes.mjs';
import { endless, small } from './runs.mjs';

/** A disk of 1 MB. @throws Error where none can be mounted */
function smallDisk(onTestFinished: AfterTest): string {
  const directory = mkdtempSync(join(tmpdir(), 'kmemlab-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    rmdirSync(directory);
    throw new Error('this test mounts a small tmpfs to fill it, and needs the right to mount: run it as root');
  }
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', directory]);
    rmdirSync(directory);
  });
  return directory;
}

/** Takes whatever room is left. */
function fill(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

describe.concurrent('Ctrl-C', () => {
  test('once ends the run as interrupted, with what is known until then', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, endless());
    await command.underWay();
    command.interrupt();
    expect({ status: await command.ended(), stderr: command.stderr }).toMatchObject({ status: 130 });
    const result = command.document();
    expect(result).toMatchObject({
      outcome: 'incomplete',
      failure: { kind: 'interrupted', detail: 'interrupted in phase create' },
    });
    expect(command.result()).toEqual(result);
    expectPartial(command);
    expect(await command.survivors()).toEqual([]);
  });

  test('while the nodes start ends it, too', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, endless());
    await command.node(0);
    command.interrupt();
    expect({ status: await command.ended(20_000), stderr: command.stderr }).toMatchObject({ status: 130 });
    expect(command.document()).toMatchObject({ outcome: 'incomplete', failure: { kind: 'interrupted' } });
    expect(await command.survivors()).toEqual([]);
  });

  test('twice ends it at once, even if a node does not stop, and leaves no process', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, endless(['--deadline', '60']));
    await command.underWay();
    const node = await command.node(1);
    signal(node, 'SIGSTOP');
    command.interrupt();
    await command.until('the other node is stopping', () => command.nodes()[0] === undefined);
    command.interrupt();
    expect(await command.ended()).toBe(130);
    expect(await command.survivors()).toEqual([]);
  });
});

describe.concurrent('the command', () => {
  test('that is killed leaves no process', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, endless());
    await command.underWay();
    expect(command.processes().length).toBeGreaterThanOrEqual(3);
    signal(command.pid, 'SIGKILL');
    expect(await command.ended()).toBe('SIGKILL');
    expect(await command.survivors()).toEqual([]);
    expect(command.result().outcome).toBe('incomplete');
  });

  test('whose disk becomes full fails with disk-full and leaves the last result that it could write', async ({
    onTestFinished,
  }) => {
    const disk = smallDisk(onTestFinished);
    const out = join(disk, 'run');
    mkdirSync(out);
    const command = disposable(onTestFinished, endless([], { out }));
    await command.underWay();
    await command.until('it notices', () => fill(join(disk, 'filler')) ?? /disk-full/.test(command.stderr));
    expect(await command.ended()).toBe(3);
    expect(command.document()).toMatchObject({
      outcome: 'failed',
      failure: { kind: 'disk-full', detail: expect.stringContaining('ENOSPC') },
    });
    expect(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')).outcome).toBe('incomplete');
    expect(await command.survivors()).toEqual([]);
  });

  test('refuses a machine that this computer cannot hold, before anything starts', async ({ onTestFinished }) => {
    const command = disposable(
      onTestFinished,
      new Command(['run', 'avoid-ipis', '--engine', 'live', '--nodes', '64', '--cpus-per-node', '64']),
    );
    await expectRefusal(command, /64 nodes of 64 CPUs .*this computer can hold \d+ .*/);
  });

  test('refuses a start deadline that is none', async ({ onTestFinished }) => {
    const command = disposable(onTestFinished, small([], { env: { KMEMLAB_START_DEADLINE: 'soon' } }));
    await expectRefusal(command, /KMEMLAB_START_DEADLINE=soon: .*/);
  });
});
