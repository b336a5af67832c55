import { describe, expect, it } from 'vitest';
import { Silence } from './silence.js';

/** Lets real timers tick while the clock says what the test wants. */
function started(perTick: number, heardAt: (tick: number) => boolean = () => false) {
  let ticks = 0;
  let time = 0;
  const reported = new Promise<{ ms: number; ticks: number }>((resolve) => {
    const silence = new Silence({
      everyMs: 10,
      deadlineMs: 100,
      now: () => time,
      onTick: () => {
        ticks++;
        time += perTick;
        if (heardAt(ticks)) silence.heard();
      },
      onSilent: (ms) => resolve({ ms, ticks }),
    });
    silence.start();
    held.push(silence);
  });
  return reported;
}
const held: Silence[] = [];

describe('silence', () => {
  it('is reported when it reaches the deadline', async () => {
    expect(await started(10)).toEqual({ ms: 100, ticks: 11 });
  });

  it('begins anew whenever something is heard', async () => {
    expect(await started(10, (tick) => tick === 8)).toEqual({ ms: 100, ticks: 18 });
  });

  it('does not count the time in which this process stood still, but for two ticks', async () => {
    expect(await started(10_000)).toEqual({ ms: 100, ticks: 6 });
  });

  it('is not reported when something is heard in the two turns after the deadline', async () => {
    let late = true;
    const reported = started(10, (tick) => {
      if (tick === 11 && late) {
        late = false;
        setImmediate(() => held.at(-1)?.heard());
      }
      return false;
    });
    expect((await reported).ticks).toBeGreaterThan(11);
  });

  it('is not reported after stop, and keeps no process alive', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const silence = new Silence({
      everyMs: 1,
      deadlineMs: 4,
      onTick: () => {},
      onSilent: () => expect.fail('reported'),
    });
    silence.start();
    expect(timers()).toBe(before);
    silence.stop();
    silence.heard();
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  });
});
