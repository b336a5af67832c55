import { describe, expect, it } from 'vitest';
import { fakeHost, kmemlabOn } from '../../fixtures/fake-host.js';

describe('doctor', () => {
  it('says what this computer can run, and closes the broker it looked at', async () => {
    const host = fakeHost();
    const { status, stdout, stderr } = await kmemlabOn(host, ['doctor']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    for (const line of [
      /^ {2}cores +2 \(A processor\)$/m,
      /^ {2}memory +8\.00 GiB, 4\.00 GiB free$/m,
      /^ {2}CPUs +up to 256 on one node; up to 300 \(2 nodes of 150\) in all$/m,
      /^ {2}pinning +--pin, with \/usr\/bin\/taskset$/m,
      /^ {2}nats-server +2\.9\.10/m,
      /^ {2}broker +built-in broker$/m,
      /chain\) +120 µs +240 µs +10\.0x$/m,
    ])
      expect(stdout).toMatch(line);
    expect(host.log).toEqual(['broker any', 'calibrate quick', 'broker closed']);
  });

  it('prints a document without the secret of the broker', async () => {
    const { stdout } = await kmemlabOn(fakeHost(), ['doctor', '--json']);
    expect(stdout).not.toContain('t0ken');
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'kmemlab.doctor/1',
      host: { cores: 2, largest: { nodes: 2, cpusPerNode: 150 } },
      broker: { kind: 'embedded', describe: 'built-in broker' },
      floors: { pingPong: { medianNs: 12_000 }, crossNode: { medianNs: 120_000 } },
    });
  });

  it('says what is missing and still ends with 0', async () => {
    const missing = async () => {
      throw new Error('nats://h:1 does not answer');
    };
    const plain = fakeHost();
    const describe = async () => ({ ...(await plain.describe({})), taskset: null, natsServer: null });
    const calibrate = async () => {
      throw new Error('no answer in 15 ms');
    };
    const { status, stdout } = await kmemlabOn(fakeHost({ describe, openBroker: missing, calibrate }), ['doctor']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}broker +none: nats:\/\/h:1 does not answer$/m);
    expect(stdout).toMatch(/^ {2}pinning +not available: no taskset on PATH$/m);
    expect(stdout).toMatch(/^ {2}not measured: no answer in 15 ms$/m);
  });

  it('blames a broker with which nothing can be measured, and measures the rest', async () => {
    const plain = fakeHost();
    const calibrate: typeof plain.calibrate = async (options) => {
      if (options.broker !== undefined) throw new Error('nats://h:1: nothing listens there');
      return await plain.calibrate(options);
    };
    const { status, stdout } = await kmemlabOn(fakeHost({ calibrate }), ['doctor']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}broker +none: nats:\/\/h:1: nothing listens there$/m);
    expect(stdout).toMatch(/ping-pong\) +12\.0 µs/);
    expect(stdout).not.toContain('chain');
  });

  it('ends with 130 when interrupted, and closes the broker', async () => {
    const interruption = new AbortController();
    const calibrate = async () => {
      interruption.abort();
      throw interruption.signal.reason;
    };
    const host = fakeHost({ calibrate });
    const { status, stdout } = await kmemlabOn(host, ['doctor'], { signal: interruption.signal });
    expect({ status, stdout }).toEqual({ status: 130, stdout: '' });
    expect(host.log).toEqual(['broker any', 'broker closed']);
  });
});
