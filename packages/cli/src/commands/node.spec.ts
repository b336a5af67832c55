import { describe, expect, it } from 'vitest';
import { fakeHost, kmemlabOn } from '../../fixtures/fake-host.js';

describe('node', () => {
  it('serves at the server it is told, under its name', async () => {
    const host = fakeHost();
    const { status, stdout } = await kmemlabOn(host, ['node', '--nats', 'nats://h:4222', '--name', 'rack1-a']);
    expect({ status, stdout, log: host.log }).toEqual({
      status: 0,
      stdout: 'registered\n',
      log: ['node nats://h:4222 rack1-a'],
    });
  });

  it.each([
    [['node'], '--nats'],
    [['node', '--nats', 'h:x'], 'not the address of a NATS server'],
    [['node', '--nats', 'nats://h', '--name', 'a.b'], '--name "a.b": not a name; give up to 64 letters'],
  ])('%j is one line, status 2', async (args, line) => {
    const { status, stderr } = await kmemlabOn(fakeHost(), args);
    expect(status).toBe(2);
    expect(stderr).toContain(line);
    expect(stderr).toMatch(/^kmemlab: [^\n]+\n$/);
  });

  it('ends with 130 when interrupted', async () => {
    const interruption = new AbortController();
    const serveNode = async () => interruption.abort();
    const args = ['node', '--nats', 'nats://h'];
    expect((await kmemlabOn(fakeHost({ serveNode }), args, { signal: interruption.signal })).status).toBe(130);
  });
});
