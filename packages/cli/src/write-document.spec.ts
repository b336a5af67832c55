import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UsageError } from './usage-error.js';
import { checkWritable, writeDocument } from './write-document.js';

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'kmemlab-cli-'));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const text = (path: string): string => fs.readFileSync(path, 'utf8');

it('makes the directories of a document and replaces an older one', () => {
  const path = join(root, 'a', 'b', 'page.html');
  writeDocument(path, 'one', '--out');
  writeDocument(path, 'two', '--out');
  expect(text(path)).toBe('two');
  expect(fs.readdirSync(join(root, 'a', 'b'))).toEqual(['page.html']);
});

it('writes where a link leads', () => {
  const [file, link] = [join(root, 'file'), join(root, 'link')];
  fs.writeFileSync(file, 'old');
  fs.symlinkSync(file, link);
  writeDocument(link, 'new', '--out');
  expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
  expect(text(file)).toBe('new');
});

it('replaces no directory and nothing that is no file', () => {
  const pipe = join(root, 'pipe');
  execFileSync('mkfifo', [pipe]);
  expect(() => writeDocument(pipe, 'x', '--save')).toThrow(/pipe: it is no file; choose another --save$/);
  expect(() => writeDocument(root, 'x', '--save')).toThrow(/it is a directory; choose another --save$/);
  expect(fs.lstatSync(pipe).isFIFO()).toBe(true);
});

it('comes to an end below a directory in which nothing can be made', () => {
  expect(() => writeDocument('/proc/nowhere/else', 'x', '--svg')).toThrow(UsageError);
});

it('can be asked before whether a document can be written, which leaves nothing', () => {
  const path = join(root, 'later.json');
  checkWritable(path, '--save');
  expect(fs.readdirSync(root)).toEqual([]);
  fs.writeFileSync(path, 'kept');
  checkWritable(path, '--save');
  expect(text(path)).toBe('kept');
  expect(() => checkWritable('/proc/nowhere/else', '--save')).toThrow(UsageError);
});
