import { type Bus, connectBus } from '@kmemlab/machine-live';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { chooseBroker } from '../broker/choose.js';
import { type Broker, credentialsOf } from '../broker/types.js';
import { SUBMIT_SUBJECT, subjectsOf } from './subjects.js';
import { submitOrder } from './submit.js';

let broker: Broker;
let client: Bus;
let service: Bus;

beforeEach(async () => {
  broker = await chooseBroker({ env: { KMEMLAB_BROKER: 'embedded' } });
  const access = { url: broker.url, ...credentialsOf(broker) };
  [client, service] = (await Promise.all(['client', 'service'].map((name) => connectBus({ ...access, name })))) as [
    Bus,
    Bus,
  ];
});

afterEach(async () => {
  await Promise.all([client.close(), service.close()]);
  await broker.close();
});

/** A service that gives these answers to every order. */
async function answering(...answers: readonly (readonly ['progress' | 'result' | 'refused', object])[]): Promise<void> {
  service.subscribe(SUBMIT_SUBJECT, (data) => {
    const { id } = JSON.parse(new TextDecoder().decode(data)) as { id: string };
    for (const [kind, document] of answers) {
      service.publish(subjectsOf(id)[kind], new TextEncoder().encode(JSON.stringify(document)));
    }
  });
  await service.flush();
}

const submit = (signal = new AbortController().signal, onProgress = (_: unknown): void => {}) =>
  submitOrder({ bus: client, request: { experiment: 'x' }, signal, onProgress });

test('an order is followed to its result', async () => {
  await answering(['progress', { state: 'queued', before: 0 }], ['result', { outcome: 'ok' }]);
  const heard: unknown[] = [];
  expect(await submit(undefined, (progress) => heard.push(progress))).toEqual({ outcome: 'ok' });
  expect(heard).toEqual([{ state: 'queued', before: 0 }]);
});

test('a refusal is wrong input, with the reason', async () => {
  await answering(['refused', { reason: 'too few nodes' }]);
  await expect(submit()).rejects.toThrow(/refuses: too few nodes/);
});

test('who does not want to wait any more gets nothing', async () => {
  const enough = new AbortController();
  await answering(['progress', { state: 'queued', before: 3 }]);
  expect(await submit(enough.signal, () => enough.abort())).toBeUndefined();
});

test('a service that falls silent is lost', async () => {
  await answering(['progress', { state: 'queued', before: 3 }]);
  const { signal } = new AbortController();
  const silent = submitOrder({ bus: client, request: { experiment: 'x' }, signal, silenceMs: 50 });
  await expect(silent).rejects.toMatchObject({ name: 'RunFailed', kind: 'service-lost' });
});

test('an answer that makes no sense ends the order', async () => {
  service.subscribe(SUBMIT_SUBJECT, (data) => {
    const { id } = JSON.parse(new TextDecoder().decode(data)) as { id: string };
    service.publish(subjectsOf(id).result, new TextEncoder().encode('{'));
  });
  await service.flush();
  await expect(submit()).rejects.toThrow('JSON');
});

test('without a service it says so', async () => {
  await expect(submit()).rejects.toThrow(/no coordinator service answers/);
}, 20_000);
