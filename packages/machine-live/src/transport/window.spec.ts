import { describe, expect, it } from 'vitest';
import { Window } from './window.js';

describe('a window', () => {
  it('admits 64 frames, and one more for each that is acknowledged', () => {
    const window = new Window();
    for (let n = 0; n < 64; n++) {
      expect(window.admits(100)).toBe(true);
      window.add(100);
    }
    expect(window.admits(100)).toBe(false);
    window.acknowledge(3);
    for (let n = 0; n < 3; n++) {
      expect(window.admits(100)).toBe(true);
      window.add(100);
    }
    expect(window.admits(0)).toBe(false);
    expect([window.acknowledged, window.sent]).toEqual([3, 67]);
  });

  it('admits 4 MiB, counting each frame at its own size', () => {
    const window = new Window();
    for (let round = 0; round < 1_000; round++) {
      window.add(round);
      window.add(4_000_000);
      expect(window.admits((4 << 20) - 4_000_000 - round)).toBe(true);
      expect(window.admits((4 << 20) - 4_000_000 - round + 1)).toBe(false);
      window.acknowledge(window.sent);
    }
  });

  it('admits any frame when none is on its way', () => {
    const window = new Window();
    expect(window.admits(1 << 30)).toBe(true);
    window.add(1 << 30);
    expect(window.admits(0)).toBe(false);
  });

  it('asks for an answer before its sender has to stop, whatever the size of the frames', () => {
    for (const size of [32, 1_000, 65_536, 262_144, 921_656]) {
      const window = new Window();
      const unanswered = { frames: 0, bytes: 0 };
      while (window.admits(size)) {
        window.add(size);
        unanswered.frames++;
        unanswered.bytes += size;
      }
      expect(Window.asksForAnswer(unanswered), `${size}`).toBe(true);
    }
  });
});
