import { describe, expect, it } from 'vitest';
import { startDeadlineMs } from './start-deadline.js';

describe('startDeadlineMs', () => {
  it('grows with the machine', () => {
    expect(startDeadlineMs({}, 4)).toBe(62_000);
    expect(startDeadlineMs({ KMEMLAB_START_DEADLINE: '' }, 256)).toBe(188_000);
  });

  it('is what the environment says', () => {
    expect(startDeadlineMs({ KMEMLAB_START_DEADLINE: '2.5' }, 256)).toBe(2_500);
  });

  it.each(['soon', '0', '-1', '1e9', '3601'])('refuses %s', (text) => {
    expect(() => startDeadlineMs({ KMEMLAB_START_DEADLINE: text }, 4)).toThrow('give 1 to 3600');
  });
});
