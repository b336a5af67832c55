import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleResult } from '../fixtures/sample-result.js';
import { compareResults } from './compare.js';
import { defaultRunId, type FileSystem, pathComponent, RunDirectory, RunDirectoryError } from './run-directory.js';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'kmemlab-results-'));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function failing(method: keyof FileSystem, code: string): FileSystem {
  const fail = () => {
    throw Object.assign(new Error(`${code}: simulated`), { code });
  };
  return { ...fs, [method]: fail };
}

function errorOf(action: () => unknown): RunDirectoryError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(RunDirectoryError);
    return error as RunDirectoryError;
  }
  throw new Error('nothing was thrown');
}

describe('RunDirectory', () => {
  it('holds one run or one comparison, not the one of before', () => {
    const files = (): string[] => fs.readdirSync(join(root, 'a')).sort();
    const comparison = compareResults([sampleResult(), sampleResult()]);
    RunDirectory.open(join(root, 'a')).writeComparison(comparison);
    const run = RunDirectory.open(join(root, 'a'));
    run.writeScenario('experiment: avoid-ipis\n');
    run.writeResult(sampleResult());
    expect(files()).toEqual(['result.json', 'scenario.yaml']);
    RunDirectory.open(join(root, 'a')).writeComparison(comparison);
    expect(files()).toEqual(['compare.json']);
  });

  it('writes documents that read back, and leaves no temporary file', () => {
    const directory = RunDirectory.open(join(root, 'a', 'b'));
    directory.writeScenario('experiment: avoid-ipis\n');
    directory.writeResult(sampleResult());
    directory.writeResult(sampleResult({ outcome: 'failed' }));
    expect(fs.readdirSync(directory.path).sort()).toEqual(['result.json', 'scenario.yaml']);
    const written = JSON.parse(fs.readFileSync(join(directory.path, 'result.json'), 'utf8'));
    expect(written).toEqual(sampleResult({ outcome: 'failed' }));
  });

  it.each(['writeFileSync', 'fsyncSync', 'renameSync', 'openSync'] as const)(
    'keeps the old document when %s meets a full disk',
    (method) => {
      RunDirectory.open(root).writeScenario('old\n');
      const error = errorOf(() => RunDirectory.open(root, failing(method, 'ENOSPC')).writeScenario('new\n'));
      expect(error).toMatchObject({ kind: 'disk-full', code: 'ENOSPC', path: join(root, 'scenario.yaml') });
      expect(fs.readdirSync(root)).toEqual(['scenario.yaml']);
      expect(fs.readFileSync(join(root, 'scenario.yaml'), 'utf8')).toBe('old\n');
    },
  );

  it('tells a full disk from a missing permission and from a file in the way', () => {
    const open = (code: string) => errorOf(() => RunDirectory.open(join(root, 'x'), failing('mkdirSync', code)));
    expect(open('EDQUOT').kind).toBe('disk-full');
    expect(open('EACCES').kind).toBe('not-permitted');
    expect(open('EIO').kind).toBe('write-failed');
    fs.writeFileSync(join(root, 'file'), '');
    expect(errorOf(() => RunDirectory.open(join(root, 'file'))).kind).toBe('not-a-directory');
    expect(errorOf(() => RunDirectory.open(join(root, 'file', 'below'))).kind).toBe('not-a-directory');
  });

  it('gives up where no directory can ever be made', () => {
    const mkdirSync = () => {
      throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
    };
    expect(errorOf(() => RunDirectory.open('/a/b', { ...fs, mkdirSync })).kind).toBe('write-failed');
  });

  it('never shares a fresh directory between two runs', () => {
    const paths = [1, 2, 3].map(() => RunDirectory.createFresh(join(root, 'runs'), 'id').path);
    expect(paths).toEqual(['id', 'id-2', 'id-3'].map((id) => join(root, 'runs', id)));
  });

  it('discards what it made and nothing else', () => {
    const fresh = RunDirectory.createFresh(join(root, 'runs'), 'id');
    fresh.child('v4.10/seed-1').writeScenario('a: 1\n');
    fresh.discard();
    expect(fs.readdirSync(root)).toEqual([]);

    fs.mkdirSync(join(root, 'kept'));
    fs.writeFileSync(join(root, 'kept', 'notes.txt'), '');
    const opened = RunDirectory.open(join(root, 'kept'));
    opened.writeScenario('a: 1\n');
    opened.discard();
    expect(fs.readdirSync(join(root, 'kept'))).toEqual(['notes.txt']);
  });
});

describe('names', () => {
  it('makes a run id from the clock passed in and the experiment', () => {
    const now = new Date('2017-01-17T12:34:56.789Z');
    expect(defaultRunId('avoid-ipis', now)).toBe('2017-01-17T12-34-56.789Z-avoid-ipis');
    expect(defaultRunId('some/dir/my test.yaml', now)).toBe('2017-01-17T12-34-56.789Z-my_test');
  });

  it('never makes a path out of a name', () => {
    expect(pathComponent('v3.14+no-destroy:reaper=periodic')).toBe('v3.14+no-destroy_reaper=periodic');
    expect(pathComponent('../x')).toBe('.._x');
    expect(pathComponent('..')).toBe('_..');
  });
});
