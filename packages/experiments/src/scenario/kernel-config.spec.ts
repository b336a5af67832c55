import { defaultConfig } from '@kmemlab/kernel';
import { describe, expect, it } from 'vitest';
import { configTokens, cpuListText, parseConfig, parseCpuList } from './kernel-config.js';

describe('parseConfig', () => {
  it('leaves what is not named at its default', () => {
    expect(parseConfig('slab')).toEqual(defaultConfig);
    expect(parseConfig('hz=1000, slab,slab')).toEqual({ ...defaultConfig, hz: 1000 });
    expect(parseConfig('preempt,preemptcount')).toEqual(parseConfig('preempt'));
  });

  it('reads back what it prints', () => {
    for (const text of [
      'slub,preempt,hz=1000,nohz_full=1-3+5',
      'slab,nonpreempt,hz=300,preemptcount,cgroup2',
      'slub,nonpreempt,hz=250,slub_memcg_sysfs',
      'slab,nonpreempt,hz=250,cgroup2,ramfs',
    ]) {
      expect(configTokens(parseConfig(text)).join(',')).toBe(text);
    }
  });

  it.each([
    ['slob', /unknown token "slob"; did you mean slab/],
    ['hz=5', /hz=5 is not possible/],
    ['hz', /hz= is not possible/],
    ['hz=100=250', /hz=100=250 is not possible/],
    ['preempt=no', /preempt=no: preempt has no value; give preempt alone, or leave it out/],
    ['slab=3', /slab has no value/],
    ['slab,slub', /slab and slub contradict each other; leave one of them out/],
    ['hz=100,hz=1000', /hz=100 and hz=1000 contradict/],
    ['preempt,nonpreempt', /preempt and nonpreempt contradict/],
    ['nohz_full=1,nohz_full=2', /contradict/],
    ['toString', /unknown token/],
    ['nohz_full=3-1', /no list of CPUs; give one such as 1-3\+7/],
  ])('refuses %s', (text, message) => {
    expect(() => parseConfig(text)).toThrow(message);
  });
});

describe('lists of CPUs', () => {
  it('are sorted and without repetition, and print as ranges', () => {
    expect(parseCpuList('isolcpus', '7,1-3,2')).toEqual([1, 2, 3, 7]);
    expect(cpuListText([1, 2, 3, 7])).toBe('1-3,7');
  });
});
