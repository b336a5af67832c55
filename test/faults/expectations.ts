import { expect, type TestContext } from 'vitest';
import type { Command } from './command.mjs';

/** Tests that run side by side each have their own. */
export type AfterTest = TestContext['onTestFinished'];

/** Nothing is left of the command after the test, whatever happens. */
export function disposable(onTestFinished: AfterTest, command: Command): Command {
  onTestFinished(() => command.dispose());
  return command;
}

/** The run failed as it says, on stdout and in the run directory, and left no process. */
export async function expectFailure(command: Command, kind: string, detail: RegExp): Promise<void> {
  expect({ status: await command.ended(), stderr: command.stderr }).toMatchObject({ status: 3 });
  const result = command.document();
  expect(result).toMatchObject({ outcome: 'failed', failure: { kind, detail: expect.stringMatching(detail) } });
  expect(command.result()).toEqual(result);
  expect(command.stderr).toMatch(new RegExp(`^kmemlab: the run failed \\(${kind}\\): .*\\nrun directory: .*\\n$`, 'm'));
  expect(await command.survivors()).toEqual([]);
}

/** There are figures of both nodes, and when they are from. */
export function expectPartial(command: Command): void {
  const { live, phases, counters } = command.result();
  expect(live.asOf).toEqual([0, 1].map((node) => ({ node, ns: expect.any(Number) })));
  for (const { ns } of live.asOf) expect(ns).toBeGreaterThan(0);
  expect(Object.keys(phases)).toEqual(['boot']);
  expect(counters.calls.kick_all_cpus_sync).toBeGreaterThan(0);
}

/** Wrong usage: one line on stderr, nothing on stdout, no process, exit status 2. */
export async function expectRefusal(command: Command, line: RegExp): Promise<void> {
  const status = await command.ended();
  expect({ status, stdout: command.stdout }).toEqual({ status: 2, stdout: '' });
  expect(command.stderr).toMatch(new RegExp(`^kmemlab: ${line.source}\\n$`));
  expect(await command.survivors()).toEqual([]);
}
