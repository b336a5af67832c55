import { expect, it } from 'vitest';
import { coresFor } from './seats.js';

const node = (name: string, machine: string, coreList: string, pins = true) => ({
  name,
  host: `${name}.example`,
  machine,
  coreList,
  pins,
});

it('nodes of one computer get cores of their own, those of another one the same numbers', () => {
  const members = [node('a', 'one', '0,1'), node('b', 'two', '0,1'), node('c', 'one', '0,1'), node('d', 'two', '0,1')];
  expect(coresFor(members)).toEqual([0, 0, 1, 1]);
});

it('containers with cores of their own stay on them', () => {
  expect(coresFor([node('a', 'one', '2,3'), node('b', 'one', '0,1'), node('c', 'one', '2,3')])).toEqual([2, 0, 3]);
});

it('more nodes than cores are refused, with both numbers', () => {
  const members = [node('a', 'one', '0,1'), node('b', 'one', '0,1'), node('c', 'one', '0,1')];
  expect(() => coresFor(members)).toThrow(
    '--pin: the computer of node c (c.example) has 2 cores for 3 nodes of this run; start nodes elsewhere, use fewer or leave --pin out',
  );
});

it('a node without taskset is refused by name', () => {
  expect(() => coresFor([node('a', 'one', '0'), node('b', 'two', '0', false)])).toThrow(
    '--pin: there is no taskset on the PATH of node b on b.example; install it there or leave --pin out',
  );
});
