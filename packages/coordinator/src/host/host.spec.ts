import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { cgroupRoom } from './cgroup.js';
import { allowedCores } from './cores.js';
import { describeHost } from './describe.js';
import { findProgram } from './find-program.js';
import { readResources } from './resources.js';
import { Tail } from './tail.js';

const directories: string[] = [];

function directoryWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'kmemlab-spec-'));
  directories.push(root);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

describe('cgroupRoom', () => {
  const unified = {
    'a/b/memory.max': '1000\n',
    'a/b/memory.current': '400\n',
    'a/b/memory.stat': 'anon 300\ninactive_file 50\n',
    'a/memory.max': '700\n',
    'a/memory.current': '500\n',
    'a/b/pids.max': 'max\n',
    'pids.max': '90\n',
    'pids.current': '30\n',
  };
  const separate = {
    'memory/x/memory.limit_in_bytes': '5000\n',
    'memory/x/memory.usage_in_bytes': '4000\n',
    'memory/x/memory.stat': 'cache 900\ninactive_file 700\n',
    'pids/pids.max': '10\n',
    'pids/pids.current': '12\n',
  };

  it.each([
    ['a group of version 2 and those above it', unified, '0::/a/b\n', { memory: 200, pids: 60 }],
    ['version 1', separate, '4:memory:/x\n8:pids:/\n0::/\n', { memory: 1700, pids: 0 }],
  ])('is the least that %s leave, and counts page cache as free', (_, files, membership, room) => {
    expect(cgroupRoom(directoryWith(files), membership)).toEqual(room);
  });

  it('is without limit where nothing says otherwise', () => {
    expect(cgroupRoom(directoryWith({}), '')).toEqual({ memory: Infinity, pids: Infinity });
  });
});

describe('allowedCores', () => {
  it('reads the list of the process', () => {
    expect(allowedCores('Name:\tx\nCpus_allowed_list:\t0-2,5,8-9\nMems:\t0\n')).toEqual([0, 1, 2, 5, 8, 9]);
    expect(allowedCores().length).toBeGreaterThan(0);
  });
});

describe('findProgram', () => {
  it('finds the first executable file on PATH', () => {
    const root = directoryWith({ 'a/tool': '', 'b/other': '' });
    expect(findProgram('sh', { PATH: `${root}/a:/bin` })).toBe('/bin/sh');
    expect(findProgram('tool', { PATH: `${root}/a` })).toBeUndefined();
    expect(findProgram('a', { PATH: root })).toBeUndefined();
    expect(findProgram('sh', {})).toBeUndefined();
  });
});

describe('Tail', () => {
  async function tailOf(...chunks: readonly string[]): Promise<Tail> {
    const stream = new PassThrough();
    const tail = new Tail(stream);
    const ended = new Promise((resolve) => stream.on('end', resolve));
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
    await ended;
    return tail;
  }

  it('puts lines together and keeps the last ones', async () => {
    const many = Array.from({ length: 100 }, (_, line) => `line ${line}\n`);
    const tail = await tailOf(...many, 'unfin', 'ished');
    expect(tail.lines.slice(-2)).toEqual(['line 99', 'unfinished']);
    expect(tail.lines.length).toBeLessThanOrEqual(41);
  });

  it('knows which line of a report says what went wrong', async () => {
    const report =
      "file:///x.mjs:1\nthrow new Error('no');\n      ^\n\nError: no\n    at x.mjs:1:7 {\n  code: 1\n}\n\nNode.js v20.0.0\n";
    expect((await tailOf(report)).lastLine).toBe('Error: no');
    expect((await tailOf()).lastLine).toBe('');
  });
});

describe('this computer', () => {
  it('has resources, and is described', async () => {
    const resources = readResources();
    expect(resources.memory).toBeGreaterThan(1e6);
    expect(resources.mapsPerProcess).toBeGreaterThan(1_000);
    expect(resources.threads).toBeGreaterThan(10);
    const host = await describeHost(process.env);
    expect(host.cores).toBeGreaterThan(0);
    expect(host.node).toBe(process.version);
    expect(host.natsServer?.version).toMatch(/^\d+\.\d+/);
    expect((await describeHost({ PATH: '' })).natsServer).toBeNull();
  });
});
