import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeEngine, resultOf, testContext } from '../../fixtures/fake-engine.js';
import { runCli } from '../cli.js';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'kmemlab-report-'));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

async function report(...args: string[]) {
  const context = testContext(fakeEngine({}), {});
  const status = await runCli(['report', ...args], context);
  return { status, stdout: context.stdout.text(), stderr: context.stderr.text() };
}

/** A run directory with this document. */
function directory(name: string, document: unknown, file = 'result.json'): string {
  fs.mkdirSync(join(root, name));
  fs.writeFileSync(join(root, name, file), JSON.stringify(document));
  return join(root, name);
}

const sample = (kernel: string) => resultOf({ kernel, seed: 1, params: { loops: 2 } });

describe('report', () => {
  it('writes one page of several run directories, and the pictures if asked', async () => {
    const runs = [directory('a', sample('v4.10')), directory('b', sample('v4.10+mine'))];
    const out = join(root, 'page.html');
    const { status, stderr } = await report(...runs, '--out', out, '--svg', join(root, 'pictures'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: `pictures: ${join(root, 'pictures')}\nreport: ${out}\n` });
    expect(fs.readFileSync(out, 'utf8')).toContain('v4.10 and v4.10+mine');
  });

  it('prints Markdown and CSV on stdout and writes nothing', async () => {
    const run = directory('a', sample('v4.10'));
    expect((await report(run, '--markdown')).stdout).toContain('To run it again:');
    expect((await report(run, '--csv')).stdout).toMatch(/^experiment,kernel,/);
    expect(fs.readdirSync(root)).toEqual(['a']);
  });

  it.each([
    ['no run', () => [], /no run named; give a run directory/],
    ['a directory without a result', () => [root], /neither compare.json nor result.json/],
    ['what is not there', () => [join(root, 'none')], /no such file/],
    ['another schema', () => [directory('a', { schema: 'x' })], /its schema is none of kmemlab.result\/1/],
    ['half a document', () => [directory('a', { schema: 'kmemlab.result/1' })], /it has no experiment/],
    [
      'two experiments',
      () => [directory('a', sample('v4.10')), directory('b', { ...sample('v4.10'), experiment: 'other' })],
      /a report is about one experiment, make two/,
    ],
  ])('refuses %s with one line', async (_, args, message) => {
    const { status, stderr } = await report(...args());
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
