import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';

/** One small message: kind, call, source, and two arguments. */
const fields = { kind: 7, call: 123_456, from: 3, to: 12, first: 70_000_000_001, second: 42 };
const message = { kind: 'allocPage', call: 123_456, from: 3, to: 12, args: { first: 70_000_000_001, second: 42 } };
const positional = [7, 123_456, 3, 12, [70_000_000_001, 42]];

const view = new DataView(new ArrayBuffer(64));

function dataView({ kind, call, from, to, first, second }) {
  view.setUint16(0, kind, true);
  view.setUint32(4, call, true);
  view.setUint16(8, from, true);
  view.setUint16(10, to, true);
  view.setFloat64(16, first, true);
  view.setFloat64(24, second, true);
  return {
    kind: view.getUint16(0, true),
    call: view.getUint32(4, true),
    from: view.getUint16(8, true),
    to: view.getUint16(10, true),
    first: view.getFloat64(16, true),
    second: view.getFloat64(24, true),
  };
}

const structures = [];
const shared = {
  packr: new Packr({ structures }),
  unpackr: new Unpackr({ structures }),
};
const plain = { packr: new Packr({ useRecords: false }), unpackr: new Unpackr({ useRecords: false }) };
const inline = { packr: new Packr({ useRecords: true }), unpackr: new Unpackr({ useRecords: true }) };
const through =
  ({ packr, unpackr }, value) =>
  () =>
    unpackr.unpack(packr.pack(value));

const repeated = (n, fn) => () => {
  for (let i = 0; i < n; i++) fn();
};

/** Encode and decode of one small message; each function does it `n` times. `ours` packs and unpacks as the machine does. */
export const codec = (n, ours) =>
  Object.fromEntries(
    Object.entries({
      'DataView, reused buffer': () => dataView(fields),
      'msgpackr, shared structures': through(shared, message),
      'msgpackr, plain map': through(plain, message),
      'msgpackr, positional': through(plain, positional),
      'msgpackr, inline records': through(inline, message),
      JSON: () => JSON.parse(JSON.stringify(message)),
      structuredClone: () => structuredClone(message),
      ...(ours && { 'pack and unpack, positional': () => ours.unpack(ours.pack(positional)) }),
    }).map(([name, fn]) => [name, repeated(n, fn)]),
  );
