import { ORDER_SCHEMA } from '@kmemlab/coordinator';
import { expect, test } from 'vitest';
import { MOST_ORDER_BYTES, readOrder } from './orders.js';

const bytes = (document: unknown) => new TextEncoder().encode(JSON.stringify(document));
const request = { experiment: 'avoid-ipis', nodes: 1, cpusPerNode: 2, params: { loops: '3' }, seed: 7 };
const order = { schema: ORDER_SCHEMA, id: 'a-1', request };

test('reads an order', () => {
  const full = {
    ...request,
    kernel: 'v4.10',
    config: 'slab',
    engine: 'live',
    timeScale: 2,
    patchFiles: [{ path: 'my.mjs', text: 'export default {}\n' }],
    scenarioText: 'experiment: avoid-ipis\n',
  };
  expect(readOrder(bytes(order))).toEqual({ id: 'a-1', request });
  expect(readOrder(bytes({ ...order, request: full }))).toEqual({ id: 'a-1', request: full });
});

test.each([
  ['schema', { ...order, schema: 'kmemlab.order/2' }],
  ['request', { ...order, request: undefined }],
  ['request.experiment', { ...order, request: {} }],
  ['request', { ...order, request: { ...request, command: 'rm' } }],
  ['request.nodes', { ...order, request: { ...request, nodes: '1' } }],
  ['request.seed', { ...order, request: { ...request, seed: -1 } }],
  ['request.params.loops', { ...order, request: { ...request, params: { loops: 3 } } }],
  ['request.patchFiles.0.path', { ...order, request: { ...request, patchFiles: [{ path: 'a\nb', text: '' }] } }],
  ['request.patchFiles', { ...order, request: { ...request, patchFiles: Array(17).fill({ path: 'p', text: '' }) } }],
  ['the document', { ...order, more: 1 }],
])('says that %s is wrong, to the sender', (where, document) => {
  const reason = expect.stringMatching(
    new RegExp(`^the order is not valid: ${where.replaceAll('.', '\\.')}: [^\\n]+$`),
  );
  expect(readOrder(bytes(document))).toEqual({ id: 'a-1', reason });
});

test.each([
  ['no JSON', new TextEncoder().encode('{')],
  ['no text', Uint8Array.of(0xff, 0xfe)],
  ['no object', bytes(null)],
  ['no id', bytes({ ...order, id: undefined })],
  ['an id of two subject tokens', bytes({ ...order, id: 'a.b' })],
  ['an id that is a wildcard', bytes({ ...order, id: '*' })],
  ['an id that is too long', bytes({ ...order, id: 'a'.repeat(65) })],
  ['too much', new Uint8Array(MOST_ORDER_BYTES + 1)],
  ['deep nesting', new TextEncoder().encode('['.repeat(500_000))],
])('has nobody to answer to: %s', (_, data) => {
  expect(readOrder(data)).toEqual({ id: undefined, reason: expect.stringMatching(/^the order [^\n]+$/) });
});
