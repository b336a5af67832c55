import { type Program, sys } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { Lab } from './lab.js';

const [EBADF, ENOENT, ENOTDIR] = [/errno 9$/, /errno 2$/, /errno 20$/];

function* make(path: string): Program<void> {
  yield* sys.close(yield* sys.create(path));
}

describe('a descriptor', () => {
  it('is the lowest that is closed, as POSIX has it', () => {
    function* program(): Program<number[]> {
      const first = [yield* sys.create('/tmp/a'), yield* sys.create('/tmp/b'), yield* sys.create('/tmp/c')];
      yield* sys.close(first[1] as number);
      yield* sys.close(first[0] as number);
      return [...first, yield* sys.create('/tmp/d'), yield* sys.create('/tmp/e'), yield* sys.create('/tmp/f')];
    }
    expect(new Lab().run(program())).toEqual([3, 4, 5, 3, 4, 6]);
  });

  it.each([0, 3, 9])('%i is bad if no file is open under it', (fd) => {
    const lab = new Lab();
    expect(() => lab.run(sys.close(fd))).toThrow(EBADF);
    expect(() => lab.run(sys.read(fd))).toThrow(EBADF);
  });

  it('is closed once', () => {
    function* program(): Program<void> {
      const fd = yield* sys.create('/tmp/once');
      yield* sys.close(fd);
      yield* sys.close(fd);
    }
    expect(() => new Lab().run(program())).toThrow(EBADF);
  });
});

describe('a path', () => {
  it.each(['/tmp/x', '//tmp/./x', '/./tmp//x', '/tmp/x/'])('%s is resolved component by component', (path) => {
    const lab = new Lab();
    lab.run(make('/tmp/x'));
    expect(lab.run(sys.open(path))).toBe(3);
  });

  it.each([
    ['/tmp/y', ENOENT],
    ['/nowhere/x', ENOENT],
    ['/tmp/x/y', ENOTDIR],
  ])('%s leads nowhere', (path, error) => {
    const lab = new Lab();
    lab.run(make('/tmp/x'));
    expect(() => lab.run(sys.open(path))).toThrow(error);
  });
});
