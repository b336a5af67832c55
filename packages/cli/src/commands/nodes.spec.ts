import { describe, expect, it } from 'vitest';
import { fakeHost, kmemlabOn } from '../../fixtures/fake-host.js';

const SERVER = 'nats://lab:4222';

describe('nodes', () => {
  it('lists who is registered, and who is free', async () => {
    const { status, stdout } = await kmemlabOn(fakeHost(), ['nodes', '--nats', SERVER]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^a +h +2 +1\.00 GiB +works for a run$/m);
    expect(stdout).toMatch(/^b +h +2 +1\.00 GiB +free$/m);
  });

  it('tells by its status whether one of a name is there', async () => {
    expect((await kmemlabOn(fakeHost(), ['nodes', '--nats', SERVER, '--name', 'b'])).status).toBe(0);
    const { status, stdout, stderr } = await kmemlabOn(fakeHost(), ['nodes', '--nats', SERVER, '--name', 'c']);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain('no node called c is registered');
  });

  it('finds coordinator services', async () => {
    const { status, stdout } = await kmemlabOn(fakeHost(), ['nodes', '--nats', SERVER, '--coordinator']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^h +7 +runs an order +2$/m);
  });

  it('prints a document', async () => {
    const { stdout } = await kmemlabOn(fakeHost(), ['nodes', '--nats', SERVER, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'kmemlab.nodes/1', nodes: [{ name: 'a' }, { name: 'b' }] });
  });
});
