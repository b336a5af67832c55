import { expect, it } from 'vitest';
import { RcuCallbackList } from './callback-list.js';

const head = (serial: number) => ({ fn: 'f', data: 0, serial, lazy: false });
const serials = (list: RcuCallbackList): number[] => list.takeReady(9).map(({ serial }) => serial);

it('entrains behind the last callback of any segment', () => {
  const list = new RcuCallbackList();
  list.add(head(1));
  list.accelerate(1, 5);
  list.entrain(head(2));
  list.advance(5);
  expect(serials(list)).toEqual([1, 2]);
});

it('entrains behind those that are being invoked if there is no other', () => {
  const list = new RcuCallbackList();
  list.add(head(1));
  list.accelerate(1, 5);
  list.advance(5);
  expect(serials(list)).toEqual([1]);
  list.entrain(head(2));
  expect(serials(list)).toEqual([2]);
});
