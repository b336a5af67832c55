import { RandomStream } from '@kmemlab/machine';
import { afterEach, describe, expect, it } from 'vitest';
import { brokers, useBroker } from '../../../nats-embedded/test/brokers.js';
import { type Bus, connectBus } from './bus.js';
import { decodeFrame, emptyFrame, type Frame, FrameBuilder, type FrameHeader } from './frame.js';
import { Link, type LinkOptions, linkSubject, MAX_MESSAGE } from './link.js';

const run = 'test';
const ends: { close(): unknown }[] = [];

/** Resolves when a condition holds; it is looked at whenever `look` is called. */
function condition(holds: () => boolean) {
  let done = () => {};
  const reached = new Promise<void>((resolve) => {
    done = resolve;
  });
  return { reached, look: () => holds() && done() };
}

afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end.close()));
});

describe.each(brokers)('links through $name', ({ start }) => {
  const broker = useBroker(start);

  async function connected(): Promise<Bus> {
    const bus = await connectBus({ ...broker(), name: 'test', timeoutMs: 20_000 });
    ends.push(bus);
    return bus;
  }

  /** A link between `self` and the other of 0 and 1 that keeps what happens to it. */
  function link(bus: Bus, self: number, options: Partial<LinkOptions> = {}) {
    const messages: Uint8Array[] = [];
    let report: (reason: string) => void = () => {};
    const lost = new Promise<string>((resolve) => {
      report = resolve;
    });
    const reasons: string[] = [];
    const made = new Link({
      bus,
      run,
      self,
      peer: 1 - self,
      deadlineMs: 600,
      heartbeatMs: 20,
      onMessage: (message) => messages.push(message),
      onLost: (reason) => {
        reasons.push(reason);
        report(reason);
      },
      ...options,
    });
    ends.unshift(made);
    return { link: made, messages, lost, reasons };
  }

  /** Node 1 as a link, and node 0 by hand: it says what it is told to and keeps the frames it hears. */
  async function byHand(options: Partial<LinkOptions> = {}) {
    const [bus, other] = [await connected(), await connected()];
    const frames: Frame[] = [];
    other.subscribe(linkSubject(run, 0, 1), (data) => frames.push(decodeFrame(data)));
    const end = link(bus, 1, options);
    await Promise.all([bus.flush(), other.flush()]);
    const say = (bytes: Uint8Array) => other.publish(linkSubject(run, 1, 0), bytes);
    /** Until all that was said is heard and answered, and the answers are heard. */
    const settle = async () => {
      for (const one of [other, bus, bus, other]) await one.flush();
    };
    return { ...end, frames, say, settle };
  }

  const header = (sequence: number, acknowledged = 0): FrameHeader => ({ from: 0, to: 1, sequence, acknowledged });
  function data(sequence: number, ...messages: number[]): Uint8Array {
    const builder = new FrameBuilder(1_000);
    for (const message of messages) builder.add(Uint8Array.of(message));
    return builder.finish(header(sequence));
  }

  it('deliver every message both ways in order, aligned, whatever the sizes and flushes', async () => {
    const total = 100_000;
    const buses = [await connected(), await connected()];
    const received = [0, 0];
    const wrong: string[] = [];
    const all = condition(() => received.every((count) => count === total));
    const links = [0, 1].map(
      (self) =>
        link(buses[self] as Bus, self, {
          onMessage: (message) => {
            const number = new Float64Array(message.buffer, message.byteOffset, 1)[0];
            const expected = received[self] as number;
            if (number !== expected || message.length !== 8 + (expected % 50))
              wrong.push(`${number}, ${message.length}`);
            received[self] = expected + 1;
            if (received[self] === total) all.look();
          },
        }).link,
    );
    await Promise.all(buses.map((bus) => bus.flush()));
    for (const one of links) one.start();
    const random = new RandomStream(1, 'link-spec');
    const scratch = new Uint8Array(64);
    for (let n = 0; n < total; n++) {
      new Float64Array(scratch.buffer)[0] = n;
      for (const one of links) {
        one.send(scratch.subarray(0, 8 + (n % 50)));
        if (random.below(40) === 0) one.flush();
      }
      if (n % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (const one of links) one.flush();
    await all.reached;
    expect(wrong).toEqual([]);
    expect(links.map(({ sent, received: heard, idle }) => [sent, heard, idle])).toEqual([
      [total, total, true],
      [total, total, true],
    ]);
  });

  it('pack what is sent between two flushes into one frame, numbered, with the last number heard', async () => {
    const { link: end, frames, say, settle } = await byHand();
    for (let n = 0; n < 10; n++) end.send(Uint8Array.of(n));
    expect([end.idle, frames.length]).toEqual([false, 0]);
    end.flush();
    end.flush();
    expect(end.idle).toBe(true);
    say(data(1, 7));
    await settle();
    end.send(Uint8Array.of(10));
    end.flush();
    await settle();
    const [first, second] = frames;
    expect(first?.messages.map(([byte]) => byte)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(frames).toHaveLength(2);
    expect([first?.sequence, first?.acknowledged]).toEqual([1, 0]);
    expect([second?.sequence, second?.acknowledged]).toEqual([2, 1]);
  });

  it('send no more than a window to a peer that acknowledges nothing, and go on when it does', async () => {
    const { link: end, frames, say, settle } = await byHand();
    for (let n = 0; n < 200; n++) {
      end.send(Uint8Array.of(n));
      end.flush();
    }
    await settle();
    expect([frames.length, end.idle, end.sent]).toEqual([64, false, 200]);
    say(emptyFrame(header(0, 1)));
    await settle();
    expect(end.idle).toBe(true);
    const sent = frames.flatMap(({ messages }) => messages.map(([byte]) => byte));
    expect(sent).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(frames.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 65 }, (_, n) => n + 1));
  });

  it('send no more than 4 MiB to a peer that acknowledges nothing', async () => {
    const { link: end, frames, say, settle } = await byHand();
    for (let n = 0; n < 6; n++) end.send(new Uint8Array(MAX_MESSAGE).fill(n));
    end.flush();
    await settle();
    expect([frames.length, end.idle]).toEqual([4, false]);
    say(emptyFrame(header(0, 2)));
    await settle();
    expect([frames.length, end.idle]).toEqual([6, true]);
  });

  it('acknowledge a sixteenth frame at once, and earlier with the heartbeat', async () => {
    const { link: end, frames, say, settle } = await byHand();
    for (let n = 1; n <= 17; n++) say(data(n, n));
    await settle();
    expect(frames).toEqual([{ from: 1, to: 0, sequence: 0, acknowledged: 16, messages: [] }]);
    end.start();
    while (frames.length < 2) await settle();
    expect(frames[1]?.acknowledged).toBe(17);
  });

  it('carry a message of 900 KiB and refuse a larger one', async () => {
    const [a, b] = [await connected(), await connected()];
    const [from, to] = [link(a, 0), link(b, 1)];
    await Promise.all([a.flush(), b.flush()]);
    const large = new Uint8Array(MAX_MESSAGE).fill(3);
    expect(() => from.link.send(new Uint8Array(MAX_MESSAGE + 1))).toThrow('921601 bytes is too large for a link');
    for (let n = 0; n < 20; n++) {
      from.link.send(Uint8Array.of(n));
      from.link.send(large);
      from.link.send(new Uint8Array(0));
    }
    from.link.flush();
    while (to.messages.length < 60) await Promise.all([a.flush(), b.flush()]);
    expect(to.messages.every((message, n) => message.length === [1, MAX_MESSAGE, 0][n % 3])).toBe(true);
    expect(Buffer.compare(to.messages[58] as Uint8Array, large)).toBe(0);
  });

  it.each([
    ['a gap', data(2, 1), 'sent frame 2 where 1 was expected: frames are missing'],
    ['a gap that a heartbeat shows', emptyFrame(header(3)), 'sent frame 3 where 0 was expected: frames are missing'],
    ['no frame', Buffer.from('hello'), 'sent a malformed frame: 5 bytes are no frame'],
    ['a frame of someone else', emptyFrame({ ...header(0), from: 2 }), 'malformed frame: it is from 2 to 1, not to 1'],
    ['a frame for someone else', emptyFrame({ ...header(0), to: 3 }), 'malformed frame: it is from 0 to 3, not to 1'],
    ['an acknowledgement of nothing', emptyFrame(header(0, 1)), 'it acknowledges frame 1, not one of 0 to 0'],
  ])('end with %s', async (_, bytes, why) => {
    const { link: end, lost, messages, reasons, say, settle } = await byHand();
    say(bytes);
    say(data(1, 1));
    expect(await lost).toMatch(/^node 0 sent .* \(last heard frame 0, 0 messages\)$/);
    expect(await lost).toContain(why);
    await settle();
    end.receive(data(1, 1));
    end.send(Uint8Array.of(1));
    end.flush();
    expect([messages.length, reasons.length, end.idle, end.sent]).toEqual([0, 1, true, 0]);
  });

  it('end with a repeated frame and one that is missing behind others', async () => {
    for (const [next, why] of [
      [data(2, 9), 'sent frame 2 where 3 was expected: a frame is repeated (last heard frame 2, 3 messages)'],
      [data(4, 9), 'sent frame 4 where 3 was expected: frames are missing (last heard frame 2, 3 messages)'],
      [
        emptyFrame(header(1)),
        'sent frame 1 where 2 was expected: a frame is repeated (last heard frame 2, 3 messages)',
      ],
    ] as const) {
      const { link: end, lost, messages, say } = await byHand();
      say(data(1, 1, 2));
      say(data(2, 3));
      say(next);
      expect(await lost).toBe(`node 0 ${why}`);
      expect(messages.map(([byte]) => byte)).toEqual([1, 2, 3]);
      end.close();
    }
  });

  it('end with an acknowledgement that is taken back', async () => {
    const { link: end, lost, say, settle } = await byHand();
    for (let n = 0; n < 3; n++) {
      end.send(Uint8Array.of(n));
      end.flush();
    }
    say(emptyFrame(header(0, 2)));
    await settle();
    say(emptyFrame(header(0, 1)));
    expect(await lost).toContain('it acknowledges frame 1, not one of 2 to 3');
  });

  it('deliver nothing more once they are closed, even from the same frame', async () => {
    const heard: (number | undefined)[] = [];
    const {
      link: end,
      frames,
      reasons,
      say,
      settle,
    } = await byHand({
      onMessage: ([byte]) => {
        heard.push(byte);
        end.close();
      },
    });
    say(data(1, 1, 2, 3));
    say(data(5, 4));
    await settle();
    expect([heard, frames, reasons]).toEqual([[1], [], []]);
  });

  it('stay while both ends beat, and end when one falls silent', async () => {
    const buses = [await connected(), await connected()];
    const ends = buses.map((bus, self) => link(bus, self));
    const beats = [0, 0];
    const enough = condition(() => beats.every((count) => count >= 60));
    [0, 1].forEach((to) => {
      buses[to]?.subscribe(linkSubject(run, to, 1 - to), () => {
        beats[to] = (beats[to] as number) + 1;
        enough.look();
      });
    });
    await Promise.all(buses.map((bus) => bus.flush()));
    ends[0]?.link.send(Uint8Array.of(1));
    ends[0]?.link.flush();
    for (const end of ends) end.link.start();
    await enough.reached;
    expect(ends.map(({ reasons }) => reasons)).toEqual([[], []]);
    ends[0]?.link.close();
    expect(await ends[1]?.lost).toMatch(/^node 0 has been silent for \d{3,} ms \(last heard frame 1, 1 messages\)$/);
  });

  it('do not take their own standing still for silence of the peer', async () => {
    const buses = [await connected(), await connected()];
    const ends = buses.map((bus, self) => link(bus, self));
    await Promise.all(buses.map((bus) => bus.flush()));
    for (const end of ends) end.link.start();
    for (let round = 0; round < 2; round++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
      const done = condition(() => ends[1]?.messages.length === round + 1);
      const looking = setInterval(done.look, 1);
      ends[0]?.link.send(Uint8Array.of(round));
      ends[0]?.link.flush();
      await done.reached;
      clearInterval(looking);
    }
    expect(ends.map(({ reasons }) => reasons)).toEqual([[], []]);
  });

  it('expect nothing before they are started', async () => {
    const { link: end, reasons, frames, settle } = await byHand({ deadlineMs: 80 });
    const begun = performance.now();
    while (performance.now() - begun < 400) await settle();
    expect([reasons, frames]).toEqual([[], []]);
    end.start();
    end.start();
    while (reasons.length === 0) await settle();
    expect(reasons[0]).toMatch(/^node 0 has been silent/);
  });

  it('refuse a deadline of a few heartbeats', async () => {
    const bus = await connected();
    expect(() => link(bus, 0, { deadlineMs: 79 })).toThrow('79 ms are too few to call a node silent');
  });

  it('end with a peer that takes nothing while ever more is sent', async () => {
    const { link: end, lost } = await byHand();
    const message = new Uint8Array(MAX_MESSAGE);
    for (let n = 0; n < 100; n++) {
      end.send(message);
      end.flush();
    }
    expect(await lost).toMatch(/^node 0 does not keep up: \d+ bytes wait for it/);
    expect(end.idle).toBe(true);
  });

  it('take frames altered at random as what they are, or end', async () => {
    const bus = await connected();
    const random = new RandomStream(1, 'link-fuzz');
    const frame = data(1, 1, 2, 3);
    const counts = { delivered: 0, ended: 0 };
    for (let n = 0; n < 50_000; n++) {
      let heard = 0;
      let reasons = 0;
      const end = new Link({
        bus,
        run,
        self: 1,
        peer: 0,
        deadlineMs: 1_000,
        listen: false,
        onMessage: () => heard++,
        onLost: () => reasons++,
      });
      const altered = Uint8Array.from(frame);
      altered[random.below(altered.length)] = random.below(256);
      end.receive(altered);
      end.receive(altered);
      if (reasons !== 1 || heard !== end.received || (heard !== 0 && heard !== 3)) {
        expect.fail(`frame ${n}: ${heard} messages, lost ${reasons} times`);
      }
      if (heard > 0) counts.delivered++;
      else counts.ended++;
    }
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(5_000);
  });
});

describe('a link', () => {
  it('refuses a run that is no part of a subject', () => {
    expect(linkSubject('a-Run_1', 2, '*')).toBe('kmemlab.a-Run_1.node.2.*');
    for (const name of ['', 'a.b', '*', '>', 'a b']) expect(() => linkSubject(name, 0, 1)).toThrow(RangeError);
  });
});
