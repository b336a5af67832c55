import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from './errors.js';
import { type Command, Parser } from './parser.js';

const limits = { maxControlLine: 200, maxPayload: 100 };

interface Outcome {
  readonly commands: readonly Command[];
  readonly error: string | undefined;
}

/** What a parser makes of these chunks; any error but a ProtocolError fails the test. */
function parse(chunks: readonly Uint8Array[], connectOnly = false): Outcome {
  const commands: Command[] = [];
  const parser = new Parser(limits, (command) => {
    commands.push(command.op === 'pub' ? { ...command, payload: Buffer.from(command.payload) } : command);
  });
  parser.connectOnly = connectOnly;
  try {
    for (const chunk of chunks) parser.push(Buffer.from(chunk));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { commands, error: error.message };
  }
  return { commands, error: undefined };
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const oneByOne = (all: Uint8Array): Buffer[] => Array.from(all, (byte) => Buffer.from([byte]));
const pub = (subject: string, payload: string, reply?: string, headerBytes = 0): Command => ({
  op: 'pub',
  subject,
  reply,
  headerBytes,
  payload: bytes(payload),
});

/** What a client may send, and what it means. */
const sentences: readonly (readonly [string, Command])[] = [
  ['CONNECT {"auth_token":"t"}\r\n', { op: 'connect', options: { auth_token: 't' } }],
  ['connect\t{ "a" : "two  blanks" }\r\n', { op: 'connect', options: { a: 'two  blanks' } }],
  ['CONNECT {"name":"\xc3\xa9"}\r\n', { op: 'connect', options: { name: 'é' } }],
  ['PING\r\n', { op: 'ping' }],
  ['PiNg \n', { op: 'ping' }],
  ['PONG\r\n', { op: 'pong' }],
  ['SUB a.b 1\r\n', { op: 'sub', subject: 'a.b', queue: undefined, sid: '1' }],
  ['SUB a.* group 2\r\n', { op: 'sub', subject: 'a.*', queue: 'group', sid: '2' }],
  ['sub \t >  \t x\r\n', { op: 'sub', subject: '>', queue: undefined, sid: 'x' }],
  ['UNSUB 1\r\n', { op: 'unsub', sid: '1', max: 0 }],
  ['UNSUB 1 17\r\n', { op: 'unsub', sid: '1', max: 17 }],
  ['PUB a 5\r\nhello\r\n', pub('a', 'hello')],
  ['PUB a b 2\r\n\r\n\r\n', pub('a', '\r\n', 'b')],
  ['PUB a 0\r\n\r\n', pub('a', '')],
  ['PUB \xff\x00 1\r\n\x80\r\n', pub('\xff\x00', '\x80')],
  ['HPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\n', pub('a', 'NATS/1.0\r\n\r\nhi', undefined, 12)],
  ['HPUB a r 12 12\r\nNATS/1.0\r\n\r\n\r\n', pub('a', 'NATS/1.0\r\n\r\n', 'r', 12)],
];
const session = bytes(sentences.map(([text]) => text).join(''));
const meaning = sentences.map(([, command]) => command);

describe('Parser', () => {
  it.each(sentences)('%j', (text, command) => {
    expect(parse([bytes(text)])).toEqual({ commands: [command], error: undefined });
    expect(parse(oneByOne(bytes(text)))).toEqual({ commands: [command], error: undefined });
  });

  it('says nothing before the last byte of a sentence', () => {
    for (const [text] of sentences) expect(parse(oneByOne(bytes(text).subarray(0, -1))).commands).toEqual([]);
  });

  it('reads a session the same however it is cut in two', () => {
    for (let at = 0; at <= session.length; at++) {
      expect(parse([session.subarray(0, at), session.subarray(at)])).toEqual({ commands: meaning, error: undefined });
    }
    expect(parse(oneByOne(session)).commands).toEqual(meaning);
  });

  it.each([
    ['X', 'Unknown Protocol Operation'],
    ['PUX', 'Unknown Protocol Operation'],
    ['\r\n', 'Unknown Protocol Operation'],
    [' PING\r\n', 'Unknown Protocol Operation'],
    ['PIN\r\n', 'Unknown Protocol Operation'],
    ['PINGS', 'Unknown Protocol Operation'],
    ['CONNECTX', 'Unknown Protocol Operation'],
    ['\x00', 'Unknown Protocol Operation'],
    ['INFO {}\r\n', 'Unknown Protocol Operation'],
    ['+OK\r\n', 'Unknown Protocol Operation'],
    ['PING now\r\n', 'Parse Error'],
    ['PING\r\r\n', 'Parse Error'],
    ['SUB a\r\n', 'Parse Error'],
    ['SUB a b c d\r\n', 'Parse Error'],
    ['SUB a\rb 1\r\n', 'Parse Error'],
    ['UNSUB\r\n', 'Parse Error'],
    ['UNSUB 1 x\r\n', 'Parse Error'],
    ['UNSUB 1 2 3\r\n', 'Parse Error'],
    ['PUB a\r\n', 'Parse Error'],
    ['PUB a b c 1\r\n', 'Parse Error'],
    ['PUB a -1\r\n', 'Parse Error'],
    ['PUB a 1e1\r\n', 'Parse Error'],
    ['PUB a 0x1\r\n', 'Parse Error'],
    ['PUB a 99999999999999999999\r\n', 'Parse Error'],
    ['PUB a 1\r\nab\r\n', 'Parse Error'],
    ['PUB a 1\r\na\n\n', 'Parse Error'],
    ['PUB a 1\r\na\r\r', 'Parse Error'],
    ['HPUB a 1\r\n', 'Parse Error'],
    ['HPUB a 3 2\r\n', 'Parse Error'],
    ['HPUB a x 2\r\n', 'Parse Error'],
    ['CONNECT\r\n', 'Parse Error'],
    ['CONNECT {\r\n', 'Parse Error'],
    ['CONNECT {"a":1}}\r\n', 'Parse Error'],
    ['PUB a 101\r\n', 'Maximum Payload Violation'],
    [`SUB ${'a'.repeat(300)}`, 'Maximum Control Line Exceeded'],
    [`PING${' '.repeat(300)}`, 'Maximum Control Line Exceeded'],
  ])('refuses %j: %s', (text, fault) => {
    expect(parse([bytes(text)])).toEqual({ commands: [], error: fault });
    expect(parse(oneByOne(bytes(text)))).toEqual({ commands: [], error: fault });
    expect(parse([bytes('PING\r\n'), bytes(text)])).toEqual({ commands: [{ op: 'ping' }], error: fault });
  });

  it('takes a payload of exactly the limit', () => {
    const payload = 'x'.repeat(limits.maxPayload);
    expect(parse([bytes(`PUB a 100\r\n${payload}\r\n`)]).commands).toEqual([pub('a', payload)]);
  });

  it('begins with nothing but CONNECT until told', () => {
    expect(parse([bytes('PUB a 5\r\n')], true).error).toBe('Authorization Violation');
    expect(parse([bytes('P')], true).error).toBe('Authorization Violation');
    expect(parse([bytes('\r\n')], true).error).toBe('Authorization Violation');
    expect(parse([bytes('CONNECT {}\r\nPING\r\n')], true)).toEqual({
      commands: [{ op: 'connect', options: {} }],
      error: 'Authorization Violation',
    });
  });

  it('hands a payload within one chunk on without copying it', () => {
    const chunk = bytes('PUB a 3\r\nabc\r\n');
    let payload = Buffer.alloc(0);
    const parser = new Parser(limits, (command) => {
      if (command.op === 'pub') payload = command.payload as Buffer<ArrayBuffer>;
    });
    parser.connectOnly = false;
    parser.push(chunk);
    chunk.write('xyz', 9);
    expect(payload.toString()).toBe('xyz');
  });

  const word = fc.stringMatching(/^[a-zA-Z0-9._*>$-]{1,12}$/);
  const body = fc.uint8Array({ maxLength: 100 });
  const size = fc.nat({ max: 100 });
  const sentence = fc.oneof(
    fc.constantFrom('PING\r\n', 'PONG\r\n', 'CONNECT {"a":[1]}\r\n').map(bytes),
    fc.tuple(word, fc.option(word), word).map(([a, q, sid]) => bytes(`SUB ${a} ${q ?? ''} ${sid}\r\n`)),
    fc.tuple(word, fc.option(size)).map(([sid, max]) => bytes(`UNSUB ${sid} ${max ?? ''}\r\n`)),
    fc
      .tuple(word, fc.option(word), body)
      .map(([a, r, p]) => Buffer.concat([bytes(`PUB ${a} ${r ?? ''} ${p.length}\r\n`), p, bytes('\r\n')])),
    fc
      .tuple(word, fc.option(word), body)
      .map(([a, r, p]) => Buffer.concat([bytes(`HPUB ${a} ${r ?? ''} 0 ${p.length}\r\n`), p, bytes('\r\n')])),
  );
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });
  const cut = (all: Buffer, places: readonly number[]): Buffer[] => {
    const ends = [...places.map((place) => Math.floor(place * all.length)), all.length].sort((a, b) => a - b);
    return ends.map((end, n) => all.subarray(n === 0 ? 0 : ends[n - 1], end));
  };

  it('reads valid sentences without complaint, one command each, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(sentence, { maxLength: 20 }), cuts, (list, places) => {
        const whole = parse([Buffer.concat(list)]);
        expect(whole.error).toBeUndefined();
        expect(whole.commands).toHaveLength(list.length);
        expect(parse(cut(Buffer.concat(list), places))).toEqual(whole);
        expect(parse(oneByOne(Buffer.concat(list)))).toEqual(whole);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('makes the same of damaged sentences and of noise however they are cut, and throws ProtocolErrors only', () => {
    const noise = fc.uint8Array({ maxLength: 60 }).map((random) => Buffer.from(random));
    const letters = fc.stringMatching(/^[PINGOCSUBH \r\n0-9{}"]{0,20}$/).map(bytes);
    fc.assert(
      fc.property(
        fc.array(fc.oneof(sentence, sentence, letters, noise), { maxLength: 8 }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }),
        cuts,
        (list, damage, places) => {
          const all = Buffer.concat(list);
          for (const [at, byte] of damage) if (all.length > 0) all[at % all.length] = byte;
          const whole = parse([all]);
          expect(parse(cut(all, places))).toEqual(whole);
          expect(parse(oneByOne(all))).toEqual(whole);
        },
      ),
      { seed: 4, numRuns: 2_000 },
    );
  });
});
