import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { emptyDirectory, filesIn, kmemlab } from './command.js';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly args: string;
}

function processes(): Process[] {
  const list = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' });
  return [...list.matchAll(/^ *(\d+) +(\d+) (.*)$/gm)].map(([, pid, parent, args = '']) => ({
    pid: Number(pid),
    parent: Number(parent),
    args,
  }));
}

const measuresFloors = ({ args }: Process): boolean => args.includes('kmemlab-floor');

/** Processes that measure floors for a command that is gone. Tests that run beside this one have theirs. */
function orphans(): string[] {
  const all = processes();
  const isNode = (pid: number) => all.some((process) => process.pid === pid && /node|vitest/.test(process.args));
  return all.filter((process) => measuresFloors(process) && !isNode(process.parent)).map(({ args }) => args);
}

afterEach(() => expect(orphans()).toEqual([]));

const positive = { medianNs: expect.any(Number), p99Ns: expect.any(Number), rounds: expect.any(Number) };

describe('doctor', () => {
  test('looks at this computer, its broker and its floors, and writes nothing', async () => {
    const cwd = emptyDirectory();
    const { status, stdout, stderr } = await kmemlab(['doctor', '--json'], cwd);
    expect({ status, stderr, files: filesIn(cwd) }).toEqual({ status: 0, stderr: '', files: [] });
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'kmemlab.doctor/1',
      host: { cores: expect.any(Number), node: process.version, largest: { nodes: expect.any(Number) } },
      broker: { describe: expect.any(String) },
      floors: { pingPong: positive, broadcast: { 1: positive }, hop: positive, nats: positive, crossNode: positive },
    });
  });

  test('says what is wrong with a server, measures the rest and ends with 0', async () => {
    const { status, stdout } = await kmemlab(['doctor', '--nats', 'nats://127.0.0.1:1'], emptyDirectory());
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}broker +none: nats:\/\/127\.0\.0\.1:1: nothing listens there$/m);
    expect(stdout).toContain('ping-pong');
    expect(stdout).not.toContain('chain');
  });
});

describe('calibrate', () => {
  test('stores what it prints', async () => {
    const cwd = emptyDirectory();
    const args = ['calibrate', '--quick', '--json', '--out', 'floors.json'];
    const { status, stdout, stderr } = await kmemlab(args, cwd);
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'stored: floors.json\n' });
    expect(readFileSync(join(cwd, 'floors.json'), 'utf8')).toBe(stdout);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'kmemlab.floors/1', floors: { crossNode: positive } });
  });

  test('ends with 130 on Ctrl-C, stores nothing and leaves no process', async () => {
    const cwd = emptyDirectory();
    const { status } = await kmemlab(['calibrate', '--out', 'floors.json'], cwd, () =>
      processes().some(measuresFloors),
    );
    expect({ status, files: filesIn(cwd) }).toEqual({ status: 130, files: [] });
  });
});
