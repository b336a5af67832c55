import { expect, it } from 'vitest';
import { fakeHost, kmemlabOn } from '../../fixtures/fake-host.js';

it('sends what was asked for, and says that the service goes on when nobody waits any more', async () => {
  const host = fakeHost();
  const args = ['submit', 'avoid-ipis', '--nats', 'nats://lab:4222', '--nodes', '3', '--json', '--seed', '4'];
  const { status, stdout, stderr } = await kmemlabOn(host, args);
  expect(status).toBe(130);
  expect(JSON.parse(stdout)).toMatchObject({ outcome: 'incomplete', failure: { kind: 'interrupted' } });
  expect(stderr).toContain('the service goes on with order order-1');
  expect(host.log).toEqual(['submit nats://lab:4222 {"experiment":"avoid-ipis","nodes":3,"seed":4}']);
});
