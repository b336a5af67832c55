import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brokers } from '../test/brokers.js';
import { useClients } from '../test/clients.js';
import type { RawClient } from '../test/raw-client.js';

describe.each(brokers)('whatever one client sends to $name', ({ start }) => {
  const { raw, greeted } = useClients(start);
  const session = 'SUB cut.* 1\r\nPUB cut.a re 5\r\nhello\r\nHPUB cut.b 12 14\r\nNATS/1.0\r\n\r\nhi\r\nUNSUB 1 9\r\n';
  const answer = 'MSG cut.a 1 re 5\r\nhello\r\nHMSG cut.b 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n';
  const withHeaders = { headers: true };

  /** Another client's messages still arrive. */
  async function works(other: RawClient): Promise<void> {
    expect(await other.settled('PUB well 2\r\nme\r\n')).toBe('MSG well 1 2\r\nme\r\n');
  }

  async function bystander(): Promise<RawClient> {
    const other = await raw();
    await other.settled('SUB well 1\r\n');
    return other;
  }

  it('is read the same in two pieces cut anywhere, and byte by byte', async () => {
    // While the other's message goes to and fro the broker reads the piece that came before it.
    const other = await bystander();
    for (let at = 1; at < session.length; at++) {
      const socket = await raw(withHeaders);
      socket.send(session.slice(0, at));
      await works(other);
      expect(await socket.settled(session.slice(at))).toBe(answer);
      socket.socket.destroy();
    }
    const socket = await raw(withHeaders);
    for (const byte of session) {
      socket.send(byte);
      await works(other);
    }
    expect(await socket.settled()).toBe(answer);
  });

  it('leaves the others working when it ends in the middle of anything', async () => {
    const other = await bystander();
    for (let at = 0; at <= session.length; at++) {
      const socket = await raw(withHeaders);
      socket.socket.end(Buffer.from(session.slice(0, at), 'latin1'));
      await socket.untilClosed();
      await works(other);
    }
  });

  it('ends that client and nobody else when it is malformed', async () => {
    const other = await bystander();
    for (const wrong of [
      'X',
      'GET / HTTP/1.1\r\n\r\n',
      'PUB\r\n',
      'PUB a -1\r\n',
      'PUB a 1\r\nabc\r\n',
      'PUB a 99999999999999\r\n',
      'HPUB a 9 1\r\nx\r\n',
      'SUB a\r\n',
      'SUB a b c d\r\n',
      'CONNECT {\r\n',
      `SUB ${'a'.repeat(5_000)} 1\r\n`,
      Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
    ]) {
      const socket = await raw(withHeaders);
      socket.send(wrong);
      await socket.untilClosed();
      await works(other);
    }
    const socket = await raw();
    socket.send('FOO\r\n');
    await socket.untilClosed();
    expect(socket.received).toBe(`-ERR 'Unknown Protocol Operation'\r\n`);
  });

  it('leaves the others working when it is random, before and after CONNECT', async () => {
    const other = await bystander();
    const noise = fc.uint8Array({ minLength: 1, maxLength: 200 });
    const letters = fc.stringMatching(/^[PINGOCSUBHNET \r\n0-9{}">*.a]{1,60}$/).map((line) => Buffer.from(line));
    const damaged = fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, byte]) => {
      const bytes = Buffer.from(session, 'latin1');
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.oneof(noise, letters, damaged), async (connected, bytes) => {
        const socket = connected ? await raw(withHeaders) : greeted();
        socket.socket.end(bytes);
        await socket.untilClosed();
        await works(other);
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});
