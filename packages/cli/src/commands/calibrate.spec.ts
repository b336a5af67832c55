import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { capture } from '../../fixtures/fake-engine.js';
import { fakeHost, kmemlabOn } from '../../fixtures/fake-host.js';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'kmemlab-cli-'));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const readJson = (...path: string[]) => JSON.parse(fs.readFileSync(join(root, ...path), 'utf8'));

describe('calibrate', () => {
  it('prints a table with ratios and stores the document in the cache directory', async () => {
    const host = fakeHost();
    const env = { LANG: 'C.UTF-8', XDG_CACHE_HOME: root };
    const { status, stdout, stderr } = await kmemlabOn(host, ['calibrate', '--pin'], { env });
    const file = join(root, 'kmemlab', 'floors.json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: `stored: ${file}\n` });
    expect(stdout).toMatch(
      /ping-pong\) +12\.0 µs +24\.0 µs +1\.00x\n.*to 8 and back \(broadcast\) +120 µs +240 µs +10\.0x\n/,
    );
    expect(readJson('kmemlab', 'floors.json')).toMatchObject({
      schema: 'kmemlab.floors/1',
      measuredAt: '2017-01-17T12:34:56.789Z',
      host: { cores: 2 },
      broker: 'built-in broker',
      pinned: true,
      floors: { pingPong: { medianNs: 12_000 } },
    });
    expect(host.log).toEqual(['broker any', 'calibrate pinned', 'broker closed']);
    expect(fs.readdirSync(join(root, 'kmemlab'))).toEqual(['floors.json']);
  });

  it('measures between the nodes of a server that was named', async () => {
    const plain = fakeHost();
    const openBroker: typeof plain.openBroker = async (choice) => ({
      ...(await plain.openBroker(choice)),
      kind: 'given',
    });
    const args = ['calibrate', '--quick', '--nats', 'nats://lab:4222'];
    const { stdout } = await kmemlabOn(fakeHost({ openBroker }), args, {
      env: { XDG_CACHE_HOME: root, LANG: 'C.UTF-8' },
    });
    expect(stdout).toMatch(
      /between the registered nodes\n.*node 0 +node 1\n +node 0 \(a\) +300 µs\n +node 1 \(b\) +310 µs\n/,
    );
    expect(readJson('kmemlab', 'floors.json')).toMatchObject({ hosts: { names: ['a', 'b'] } });
  });

  it.each([{ XDG_CACHE_HOME: '' }, { XDG_CACHE_HOME: 'relative' }, {}])(
    'falls back to ~/.cache with %j',
    async (more) => {
      await kmemlabOn(fakeHost(), ['calibrate'], { env: { HOME: root, ...more } });
      expect(readJson('.cache', 'kmemlab', 'floors.json').pinned).toBe(false);
    },
  );

  it('prints with --json what it stores with --out', async () => {
    const args = ['calibrate', '--quick', '--json', '--nats', 'nats://h:1', '--out', join(root, 'here.json')];
    const host = fakeHost();
    const { stdout } = await kmemlabOn(host, args);
    expect(JSON.parse(stdout)).toEqual(readJson('here.json'));
    expect(host.log).toEqual(['broker nats://h:1', 'calibrate quick', 'broker closed']);
  });

  it('shows which floor it measures on a terminal, and clears the line', async () => {
    const args = ['calibrate', '--out', join(root, 'f.json')];
    const { stderr } = await kmemlabOn(fakeHost(), args, { stderr: capture(true) });
    expect(stderr).toBe(`\r\u001b[K1/4  ping-pong\r\u001b[Kstored: ${join(root, 'f.json')}\n`);
  });

  it('refuses a file that cannot be one', async () => {
    const { status, stderr } = await kmemlabOn(fakeHost(), ['calibrate', '--out', root]);
    expect(status).toBe(2);
    expect(stderr).toBe(`kmemlab: ${root}: it is a directory; choose another --out\n`);
    expect(fs.readdirSync(root)).toEqual([]);
  });

  it('fails on a full disk, with nothing left, after it has printed', async () => {
    const writeFileSync = () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    const args = ['calibrate', '--out', join(root, 'f.json')];
    const { status, stdout, stderr } = await kmemlabOn(fakeHost(), args, { fileSystem: { ...fs, writeFileSync } });
    expect(status).toBe(3);
    expect(stdout).toContain('ping-pong');
    expect(stderr).toMatch(/the disk is full \(ENOSPC\); free some space\n$/);
    expect(fs.readdirSync(root)).toEqual([]);
  });

  it('refuses --pin without taskset before anything is started', async () => {
    const plain = fakeHost();
    const host = fakeHost({ describe: async () => ({ ...(await plain.describe({})), taskset: null }) });
    const { status, stderr } = await kmemlabOn(host, ['calibrate', '--pin']);
    expect({ status, stderr, log: host.log }).toEqual({
      status: 2,
      stderr: 'kmemlab: --pin: no taskset on PATH; install it or leave --pin out\n',
      log: [],
    });
  });

  it('fails with 3 when a floor cannot be measured, and closes the broker', async () => {
    const calibrate = async () => {
      throw new Error('chain: no answer in 20000 ms');
    };
    const host = fakeHost({ calibrate });
    const { status, stderr } = await kmemlabOn(host, ['calibrate', '--out', join(root, 'f.json')]);
    expect({ status, stderr }).toEqual({ status: 3, stderr: 'kmemlab: chain: no answer in 20000 ms\n' });
    expect(host.log.at(-1)).toBe('broker closed');
    expect(fs.readdirSync(root)).toEqual([]);
  });

  it('stores nothing when interrupted', async () => {
    const interruption = new AbortController();
    const calibrate = async () => {
      interruption.abort();
      throw interruption.signal.reason;
    };
    const args = ['calibrate', '--out', join(root, 'f.json')];
    const { status } = await kmemlabOn(fakeHost({ calibrate }), args, { signal: interruption.signal });
    expect(status).toBe(130);
    expect(fs.readdirSync(root)).toEqual([]);
  });
});
